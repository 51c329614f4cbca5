// Tokens without which nobody rings who is let in as a contact or as somebody whom our user follows. The callee's
// device draws one for a person, gives it over the ratchet (Account::grant()) and takes it back (Account::revoke()); an
// offer shows it. docs/protocol.md, "Capabilities".
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>

namespace sotto {

// What an account has of a person's capability, and what the offer at hand, if there is one, shows of it.
enum class CapabilityState : std::uint8_t {
    none,       // never given
    live,       // given; an offer shows it
    not_shown,  // given, and the offer shows none or another
    revoked,    // given and taken back
};

// By it a server can tell which offers may ring without learning who gives or holds the capability, and without being
// able to make one. Of one capability it is always the same.
struct CapabilityHash {
    static constexpr std::size_t size = 32;
    std::array<std::byte, size> bytes{};

    friend auto operator<=>(const CapabilityHash&, const CapabilityHash&) = default;
};

}  // namespace sotto
