// What the two sides of a call tell each other through the ratchet: the plaintext of its messages.
// docs/protocol.md, "Call signals".
#pragma once

#include <variant>

#include "base/strong_integer.h"
#include "sotto/call.h"

namespace sotto::call {

// The media one side sends, in its offer or answer.
struct StreamOffer {
    bool audio = false;
    bool video = false;
    std::uint8_t audio_channels = 1;
    std::uint8_t audio_block_ms = 20;
    Ssrc audio_ssrc{};
    Ssrc video_ssrc{};
};

struct Offer {
    StreamOffer streams;
};
struct Answer {
    StreamOffer streams;
};
struct Route {
    static constexpr std::size_t max_size = 200;
    Bytes route;  // a view into the signal's plaintext
};
struct HangUp {
    EndReason reason = EndReason::hung_up;
};

struct CallSignal {
    CallId call;
    std::variant<Offer, Answer, Route, HangUp> body;
};

// Every plaintext has this one size, so that the sealed length does not tell what was said.
inline constexpr std::size_t signal_size = 256;

// Error::too_large for a route over Route::max_size.
Result<std::array<std::byte, signal_size>> encode(const CallSignal& signal);
// Errors: truncated, malformed, unsupported_version.
Result<CallSignal> parse_signal(Bytes plaintext);

}  // namespace sotto::call
