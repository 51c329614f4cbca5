// What the two sides of a call tell each other through the ratchet: the plaintext of its messages.
// docs/protocol.md, "Call signals".
#pragma once

#include <optional>
#include <variant>

#include "base/strong_integer.h"
#include "crypto/capability.h"
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
    SasBytes commitment{};                               // to the caller's nonce
    std::optional<crypto::CapabilityView> capability{};  // a view into the signal's plaintext, or of our own
    std::uint32_t number = 1;                            // grows with each call that the sender offers to this device
};
struct Answer {
    StreamOffer streams;
    SasBytes nonce{};                   // the callee's
    std::optional<CallId> withdrawn{};  // its own call to the caller, which this one takes the place of (glare)
    std::uint32_t number = 0;           // of the last call that the sender offered to this device; 0: none
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

// Lets the receiver ring the sender's device; docs/protocol.md, "Capabilities". Of no call: the id is zeros.
struct Grant {
    std::uint32_t number = 0;           // grows with each capability that the device draws for this person
    crypto::CapabilityView capability;  // a view, as the offer's
};
// The callee's device rings.
struct Ringing {};
// What the sender holds back; the one with the highest number counts.
struct MediaNotice {
    std::uint32_t number = 0;
    MediaStatus status;
};
// From a call with less than two cameras to one with both, by consent.
struct Pictures {
    enum class Say : std::uint8_t { ask, agree, refuse } say = Say::ask;
};

// In the order of their kinds.
using SignalBody =
    std::variant<Offer, Answer, Route, HangUp, Reveal, Rekey, Rekeyed, Grant, Ringing, MediaNotice, Pictures>;
struct CallSignal {
    CallId call;
    SignalBody body;
};

// Every plaintext has this one size, so that the sealed length does not tell what was said.
inline constexpr std::size_t signal_size = 256;

// Error::too_large for a route over Route::max_size.
Result<std::array<std::byte, signal_size>> encode(const CallSignal& signal);
// Errors: truncated, malformed, unsupported_version.
Result<CallSignal> parse_signal(Bytes plaintext);

}  // namespace sotto::call
