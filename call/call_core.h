// The inside of a Call: what was agreed, what waits to go out, and the media once both sides have accepted.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "call/kept_session.h"
#include "call/rekeying.h"
#include "call/rtp_session.h"
#include "call/short_auth_exchange.h"
#include "call/signal.h"
#include "call/state.h"
#include "call/steady_time.h"
#include "crypto/locked.h"
#include "sotto/call.h"
#include "sotto/contacts.h"

namespace sotto::detail {

// An offer or answer as it left, to be said again should the carrier have lost it.
struct SignalAgain {
    Buffer bytes;
    std::optional<CapabilityHash> shown{};
    Instant due = never;
    Duration wait = std::chrono::seconds(1);  // doubled each time
};

// What a call shares with one device of the peer's. A caller has one for each device it rings, and in the end one
// alone.
struct CallLeg {
    std::shared_ptr<call::KeptSession> session;
    call::ShortAuthExchange short_auth;
    std::optional<crypto::ExportSecret> offer_secret{};  // until the answer
    Buffer early_route{};                                // if it overtook the answer
    call::MediaNotice media{};                           // what the device holds back, as it last said
    std::uint32_t number = 0;                            // of the last call that we offered to the device
    SignalAgain again{};                                 // until the answer, or what shows that ours came
};

// A device to dial.
struct CallTarget {
    std::shared_ptr<call::KeptSession> session;
    const crypto::Capability* capability = nullptr;  // that it gave us
    std::uint32_t number = 1;                        // of the offer
};

class CallCore : public crypto::Locked {
  public:
    // Ours: queues an offer to each device, which shows the capability that we hold of it, if any. Errors: those of
    // KeptSession::seal(), invalid_argument (settings).
    static Result<std::shared_ptr<CallCore>> dial(std::span<const CallTarget> targets, const PublicIdentity& ours,
                                                  const CallSettings& settings, Random& random, Instant now);
    // Theirs: rings, and tells the caller so when it is polled. `number` is that of the last call we offered to the
    // caller's device.
    static std::shared_ptr<CallCore> ring(std::shared_ptr<call::KeptSession> session, std::uint32_t number,
                                          const PublicIdentity& ours, const CallId& id, const call::Offer& offer,
                                          crypto::ExportSecret&& offer_secret, Random& random, Instant now);

    // The account's, by which a call tells who it is with.
    void look_up_in(std::shared_ptr<const Contacts> contacts) { contacts_ = std::move(contacts); }

    // By which all that follows is told the time.
    call::SteadyTime& time() { return time_; }
    const call::SteadyTime& time() const { return time_; }

    Result<void> accept(const CallSettings& settings, Instant now);
    void hang_up(Instant now);
    void hang_up() { hang_up(seen_); }  // the peer's device was revoked
    Result<void> busy(Instant now);
    Result<void> set_route(Bytes route);
    Result<void> set_media(const MediaStatus& status);
    Result<void> ask_video();
    Result<void> answer_video(bool agreed);
    Result<void> rekey();
    // A signal of this call from one of its devices, opened; `exported` is its message's secret.
    Result<void> receive_signal(const DeviceKey& from, const call::CallSignal& signal, crypto::ExportSecret&& exported,
                                Instant now);
    // Its device offers another call: it has lost this one.
    void redialled(Instant now) { static_cast<void>(hang_up(call::CallEvent::peer_redialled, now)); }
    // We dial this device, and its own offer to us has come.
    Result<void> cross(const std::shared_ptr<call::KeptSession>& session, const CallId& id, const call::Offer& offer,
                       crypto::ExportSecret&& offer_secret, Instant now);

    Result<void> send(const VideoFrame& frame, Instant now);
    Result<void> send(const AudioBlock& block, Instant now);
    Result<void> receive(Bytes datagram, Instant now);

    std::optional<Output> poll(Instant now);
    Instant deadline() const;
    std::optional<FrameTrace> trace();
    void shown(Medium medium, std::uint32_t timestamp, Instant at);

    Result<void> set_video_bitrate(int bits_per_second);
    void request_key_frame();

    CallState state() const { return state_; }
    const CallId& id() const { return binding_.call; }
    const PublicIdentity& peer() const { return role_ == crypto::Role::caller ? binding_.callee : binding_.caller; }
    std::vector<DeviceKey> peer_devices() const;
    bool with(const PublicIdentity& peer, const DeviceKey& device) const;
    // Its device is no longer one of the peer's. True: the call has no other.
    bool leave(const DeviceKey& device);
    std::optional<std::string> peer_name() const;
    std::optional<std::string> changed_contact() const;
    const SafetyNumber& safety_number() const;
    const std::optional<ShortAuth>& short_auth() const { return legs_.front().short_auth.symbols(); }
    bool offers_video() const { return theirs_.video; }
    const MediaStatus& peer_media() const { return legs_.front().media.status; }
    bool direct() const { return call::talking(state_) && ours_.direct && theirs_.direct; }
    CallStats stats() const;

  private:
    CallCore(const crypto::CallBinding& binding, crypto::Role role, Random& random, Instant now);

    // A Buffer is the peer's route.
    using Notice = std::variant<PeerRings, Activated, ShortAuthReady, Buffer, PeerMedia, VideoAsked, VideoAnswered,
                                Reconnecting, Reconnected, Ended>;
    struct Outgoing {
        DeviceKey device;
        Buffer bytes;
        std::optional<CapabilityHash> shown{};  // beside an offer
    };

    CallLeg& leg() { return legs_.front(); }
    CallLeg* find_leg(const DeviceKey& device);
    void add_leg(std::shared_ptr<call::KeptSession> session);
    Result<crypto::ExportSecret> queue_signal(CallLeg& leg, const call::SignalBody& body);
    Result<crypto::ExportSecret> queue_signal(const call::SignalBody& body) { return queue_signal(leg(), body); }
    void tell(CallLeg& leg, const call::SignalBody& body);
    void tell(const call::SignalBody& body) { tell(leg(), body); }
    void seal_ringing();
    Result<void> hang_up(call::CallEvent event, Instant now);
    void end(EndReason reason, bool by_us, Instant now);
    void check_timeouts(Instant now);
    void check_media(Instant now);
    Instant due() const;
    void queue_due_signals(Instant now);
    std::optional<Output> take_signal();             // there is one
    std::optional<Output> poll_notice(Instant now);  // there is one

    // -- call_core_begin.cpp, as are dial(), ring() and accept()

    Result<void> answer(const std::optional<CallId>& withdrawn, Instant now);
    Result<void> activate(crypto::ExportSecret&& offer, crypto::ExportSecret&& answer, Instant now);
    Result<void> start_media(crypto::ExportSecret&& offer, crypto::ExportSecret&& answer, Instant now);

    // -- call_core_signals.cpp

    void keep_only(const DeviceKey& device);
    void repeat_signals(Instant now);
    void answer_heard();
    Result<void> receive_answer(CallLeg& from, const call::Answer& answer, crypto::ExportSecret&& secret, Instant now);
    Result<void> receive_hang_up(const CallLeg& from, EndReason reason, Instant now);
    Result<void> receive_ringing();
    Result<void> receive_route(CallLeg& from, Bytes route);
    Result<void> receive_reveal(const call::Reveal& reveal, Instant now);
    Result<void> receive_media(CallLeg& from, const call::MediaNotice& media);
    Result<void> receive_pictures(call::Pictures::Say said);
    Result<void> allow_pictures();

    // -- call_core_rekey.cpp

    void request_due_rekey(Instant now);
    Result<void> receive_rekey(const call::Rekey& rekey, crypto::ExportSecret&& request, Instant now);
    Result<void> receive_rekeyed(const call::Rekeyed& rekeyed, crypto::ExportSecret&& response, Instant now);
    Result<void> begin_generation(std::uint16_t number, crypto::ExportSecret&& request, crypto::ExportSecret&& response,
                                  call::MediaEpochs::Side side, Instant now);

    crypto::CallBinding binding_;
    crypto::Role role_;
    Random& random_;
    std::shared_ptr<const Contacts> contacts_;
    mutable std::optional<SafetyNumber> safety_number_;  // once somebody looks: it is slow to compute
    Instant started_;
    CallSettings settings_;
    call::StreamOffer ours_, theirs_;
    std::optional<crypto::RekeySalt> rekey_salt_;
    bool stepped_ = false;  // the signal queued last took a step of the ratchet
    MediaStatus media_;     // what we hold back
    std::uint32_t media_number_ = 0;
    bool we_asked_ = false, peer_asked_ = false;    // for pictures, without an answer so far
    std::unique_ptr<const CallStats> final_stats_;  // of the media, once they are gone
    Buffer route_;                                  // kept back until both sides accepted
    Outgoing taken_;                                // what the last output views
    RefusalCounts refused_;
    // What each packet asks, in one place: between two frames it leaves all caches.
    std::optional<call::Rekeying> rekeying_;  // while active, as is the salt
    std::optional<Outgoing> rings_untold_;    // to the caller: nothing is said before the client has seen the call
    call::SteadyTime time_;
    Instant seen_;               // the last `now` we were given
    std::vector<CallLeg> legs_;  // never empty; the first is the one we talk to
    std::unique_ptr<call::RtpSession> rtp_;
    CallState state_;
    std::deque<Outgoing> signals_;
    std::deque<Notice> notices_;
};

}  // namespace sotto::detail
