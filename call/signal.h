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
    bool direct = false;  // its sender allows a path without a relay, if the peer does too
    std::uint8_t audio_channels = 1;
    std::uint8_t audio_block_ms = 20;
    Ssrc audio_ssrc{};
    Ssrc video_ssrc{};
    Ssrc repair_ssrc{};
};

// What the short authentication string is made of; docs/protocol.md, "Short authentication string".
using SasBytes = std::array<std::byte, 32>;

struct Offer {
    StreamOffer streams;
    SasBytes commitment{};  // to the caller's nonce
};
struct Answer {
    StreamOffer streams;
    SasBytes nonce{};  // the callee's
};
struct Route {
    static constexpr std::size_t max_size = 200;
    Bytes route;  // a view into the signal's plaintext
};
struct HangUp {
    EndReason reason = EndReason::hung_up;
};

struct Reveal {
    SasBytes nonce{};  // the caller's
};
// New keys for the call; docs/protocol.md, "Generations".
struct Rekey {
    std::uint32_t generation = 0;
};
struct Rekeyed {
    std::uint32_t generation = 0;
};

struct CallSignal {
    CallId call;
    std::variant<Offer, Answer, Route, HangUp, Reveal, Rekey, Rekeyed> body;
};

// Every plaintext has this one size, so that the sealed length does not tell what was said.
inline constexpr std::size_t signal_size = 256;

// Error::too_large for a route over Route::max_size.
Result<std::array<std::byte, signal_size>> encode(const CallSignal& signal);
// Errors: truncated, malformed, unsupported_version.
Result<CallSignal> parse_signal(Bytes plaintext);

}  // namespace sotto::call
