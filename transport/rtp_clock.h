// The clocks of RTP time stamps.
#pragma once

#include <cstdint>

#include "sotto/time.h"

namespace sotto::transport {

inline constexpr std::uint32_t video_clock = 90000;  // Hz, RFC 7741 §4.1
inline constexpr std::uint32_t audio_clock = 48000;  // Hz, RFC 7587 §4.1

// Ticks of a clock of `rate` Hz in `span`, to the nearest one.
inline std::int64_t ticks(Duration span, std::int64_t rate) {
    constexpr std::int64_t second = 1'000'000'000;
    const std::int64_t whole = span.count() / second;
    const std::int64_t rest = span.count() % second;
    return whole * rate + (rest * rate + second / 2) / second;
}

}  // namespace sotto::transport
