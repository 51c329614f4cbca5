// What became of one packet that we sent, as the peer's congestion feedback tells it (RFC 8888).
#pragma once

#include <cstddef>
#include <optional>

#include "base/strong_integer.h"
#include "sotto/time.h"

namespace sotto::transport {

struct PacketResult {
    Ssrc ssrc{};
    SequenceNumber sequence{};
    std::size_t size = 0;             // bytes of UDP payload
    Instant sent{};                   // on our time line; a nanosecond later than the one before it at the same instant
    std::optional<Duration> arrived;  // on the peer's, of which only differences mean anything; nothing: lost
};

}  // namespace sotto::transport
