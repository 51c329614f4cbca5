// Which of a call's media keys protect a packet; docs/protocol.md, "Media keys".
#pragma once

#include <compare>
#include <cstdint>

namespace sotto {

// A later one compares greater.
struct MediaEpoch {
    std::uint16_t generation = 0;  // both sides agreed on its keys by two signals
    std::uint16_t epoch = 0;       // in its generation: a turn of a hash, each direction by itself

    friend constexpr auto operator<=>(MediaEpoch, MediaEpoch) = default;
    // 65536 g + e, as statistics and the developer's key log have it.
    constexpr std::uint32_t number() const { return std::uint32_t{generation} << 16 | epoch; }
};

}  // namespace sotto
