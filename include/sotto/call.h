// One call. Feed it frames, samples, datagrams and the time; take what it gives out with poll().
//
// A Call never blocks, reads no clock, owns no thread or socket. It may be used from any one thread at a time, together
// with the Account it came from. Methods may be called in any order and any number of times between polls.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "sotto/bytes.h"
#include "sotto/capability.h"
#include "sotto/error.h"
#include "sotto/export.h"
#include "sotto/identity.h"
#include "sotto/media.h"
#include "sotto/stats.h"
#include "sotto/time.h"
#include "sotto/trace.h"
#include "sotto/verification.h"

namespace sotto {

// What this side sends. Every field has a working default.
struct CallSettings {
    bool audio = true;
    bool video = true;
    int audio_channels = 1;     // 1 or 2
    int audio_block_ms = 10;    // 10 or 20; the longer one is heard so much later
    int audio_bitrate = 32000;  // bit/s, constant (RFC 6562)
    int video_width = 640;      // even, 16 to 4096
    int video_height = 360;
    int video_frame_rate = 30;
    int video_bitrate = 2500000;       // bit/s at most; the network decides below that
    int video_cpu_used = -6;           // libvpx's real-time speed
    bool allow_direct = false;         // without a relay, so that the peer learns our address, if it allows it too
    TraceClock trace_clock = nullptr;  // see TraceClock; without it traces carry the `now` of each call
};

enum class CallState : std::uint8_t {
    calling,       // we offered and wait
    alerting,      // and a device of the peer's rings
    ringing,       // we were offered and our user decides
    active,        // both accepted: media flows
    reconnecting,  // and nothing has come for media_pause
    ended,
};

enum class EndReason : std::uint8_t {
    hung_up,       // either side, after accepting
    declined,      // by the callee
    cancelled,     // by the caller before an answer
    not_answered,  // nobody decided within ring_timeout
    lost,          // nothing came for media_timeout
    tampered,      // the peer's nonce is not the one it committed to: somebody stands between
    busy,          // declined by the callee, for another call
    elsewhere,     // another of the callee's devices took or declined it
};
SOTTO_API std::string_view name(EndReason reason);

inline constexpr Duration ring_timeout = std::chrono::seconds(60);
inline constexpr Duration media_pause = std::chrono::seconds(3);
inline constexpr Duration media_timeout = std::chrono::seconds(20);

// What a side holds back of the media it agreed to send, so that the other can show it.
struct MediaStatus {
    bool muted = false;       // silence goes in place of sound: the network can't tell
    bool camera_off = false;  // no pictures go
    bool held = false;        // both, until our user comes back
    bool operator==(const MediaStatus&) const = default;
};

// -- What poll() gives. Views are valid until the next call of a non-const method.

struct Datagram {  // for the peer, by the route it gave
    Bytes bytes;
};
struct Signal {  // for the peer, by any carrier; opaque to it
    PublicIdentity to;
    DeviceKey device;  // which of its devices
    Bytes bytes;
    // Of an offer alone, if we hold a capability for that device: for a server that rings nobody without one. It tells
    // the server that this is an offer, and which earlier ones were by the same caller; the client may leave it out.
    std::optional<CapabilityHash> capability{};
};
struct ShownFrame {
    VideoFrame picture;
    EncodedFrame encoded;             // the VP8 frame that `picture` was decoded from
    std::uint32_t timestamp = 0;      // RTP, 90 kHz
    std::optional<Instant> captured;  // at the sender, on our time line; nothing until reports of both sides tell the
                                      // round trip, and never while we send no media ourselves
};
struct PlayedBlock {
    AudioBlock block;        // of 2.5 to 35 ms: as long as it was made to be in time; the next one follows right on it
    bool concealed = false;  // recovered or concealed
    std::uint32_t timestamp = 0;  // RTP, 48 kHz
    std::optional<Instant> captured;
};
struct PeerRings {};  // a device of the peer's rings: its policy lets us
struct Activated {    // both accepted: keys are agreed
    SafetyNumber safety_number;
};
struct ShortAuthReady {  // both sides show these four; if they differ, somebody stands between: hang up
    ShortAuth symbols;
};
struct RemoteRoute {  // how to reach the peer, as its client wrote it in set_route()
    Bytes route;
};
struct PeerMedia {  // what the peer holds back now
    MediaStatus status;
};
struct VideoAsked {};     // the peer asks for pictures, both ways: see answer_video()
struct VideoAnswered {    // to ask_video()
    bool agreed = false;  // both sides may send pictures from now on
};
struct Reconnecting {};  // nothing has come for media_pause: look for another route
struct Reconnected {};
struct Ended {
    EndReason reason;
    bool by_us = false;
};
using Output = std::variant<Signal, PeerRings, Activated, ShortAuthReady, RemoteRoute, PeerMedia, VideoAsked,
                            VideoAnswered, Reconnecting, Reconnected, Datagram, ShownFrame, PlayedBlock, Ended>;

namespace detail {
class CallCore;
}

class SOTTO_API Call {
  public:
    // -- The user decides.

    // A ringing call: answer it with our own settings. Errors: wrong_state (not ringing, or no longer),
    // identity_changed (see changed_contact()), invalid_argument (settings), the store's (it rings on); codec_failed
    // and unavailable end the call.
    Result<void> accept(const CallSettings& ours, Instant now);
    // Ends the call in any state: declines, cancels or hangs up. No effect on an ended call.
    void hang_up(Instant now);
    // Declines a ringing call for another that goes on. Errors: wrong_state (not ringing, or no longer).
    Result<void> busy(Instant now);
    // How the peer's datagrams reach us, in the client's own words (at most 200 bytes), sealed to the peer. Kept back
    // until both sides have accepted, so that no address leaves before consent. Errors: too_large, wrong_state (ended).
    Result<void> set_route(Bytes route);

    // What we hold back from now on; the peer is told. Before both have accepted it is kept until then.
    // Errors: wrong_state (ended).
    Result<void> set_media(const MediaStatus& status);
    // In a call without pictures, or with those of one side: may both show themselves? Nothing is sent before the
    // peer's user agrees; the size is that of our settings. VideoAnswered comes in return; if both ask, both agree.
    // Errors: wrong_state (not active, both may already, or the peer has not answered yet).
    Result<void> ask_video();
    // Our user's answer to VideoAsked. Errors: wrong_state (nothing was asked), codec_failed.
    Result<void> answer_video(bool agreed);

    // -- Media and packets in.

    // Errors: wrong_state (not active, this medium is not agreed, or the camera is off), unsupported_media,
    // invalid_argument (a frame captured no later than the last one), codec_failed.
    Result<void> send(const VideoFrame& frame, Instant now);
    Result<void> send(const AudioBlock& block, Instant now);  // one block of audio_block_ms
    // A datagram from the network. Anything that is refused is counted in stats().refused and changes nothing.
    Result<void> receive(Bytes datagram, Instant now);

    // -- What comes out.

    // The next thing to do, or nothing for now. Decoding happens here.
    std::optional<Output> poll(Instant now);
    // When to call poll() again even if nothing else happens: `never`, or no earlier than the last `now` given, which
    // means at once.
    Instant deadline() const;
    // The next finished latency trace: of a frame that has left, or that was given out. The newest 128 are kept.
    std::optional<FrameTrace> trace();
    // When a ShownFrame or PlayedBlock with this time stamp was really seen or heard, by CallSettings::trace_clock: for
    // its trace, as long as trace() has not given it.
    void shown(Medium medium, std::uint32_t timestamp, Instant at);

    // -- On the fly.

    // New keys for the media at once, agreed with the peer by signals: whoever learned the present ones hears nothing
    // of what comes after. It happens by itself every few minutes. Error: wrong_state (not active).
    Result<void> rekey();
    Result<void> set_video_bitrate(int bits_per_second);  // at most; errors: wrong_state, invalid_argument
    void request_key_frame();                             // the next frame we send decodes on its own

    // -- What it is.

    CallState state() const;
    const CallId& id() const;
    const PublicIdentity& peer() const;
    // What the account's contacts call the peer, if its identity is the one that a name stands for now.
    std::optional<std::string> peer_name() const;
    // The name that claims to stand for the peer's identity, but stood for another before: show the change, and don't
    // show the caller as this contact. accept() is refused until Account::contacts() holds a decision.
    std::optional<std::string> changed_contact() const;
    const SafetyNumber& safety_number() const;
    // Known soon after both have accepted, and the same for the whole call.
    const std::optional<ShortAuth>& short_auth() const;
    bool offers_video() const;              // the peer may send pictures (known once ringing or active)
    const MediaStatus& peer_media() const;  // as it last said
    // Active, and both sides set allow_direct: only then may a route tell another address than a relay's.
    bool direct() const;
    CallStats stats() const;

    Call(Call&&) noexcept;
    Call& operator=(Call&&) noexcept;
    ~Call();  // hangs up silently: the peer learns by media_timeout; call hang_up() and poll to tell it

  private:
    friend class Account;
    explicit Call(std::shared_ptr<detail::CallCore> core);
    std::shared_ptr<detail::CallCore> core_;
};

}  // namespace sotto
