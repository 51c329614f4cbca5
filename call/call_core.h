// The inside of a Call: what was agreed, what waits to go out, and the media once both sides have accepted.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <variant>

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

class CallCore : public crypto::Locked {
  public:
    // Ours: queues the offer. Errors: those of KeptSession::seal(), invalid_argument (settings).
    static Result<std::shared_ptr<CallCore>> dial(std::shared_ptr<call::KeptSession> session,
                                                  const PublicIdentity& ours, const CallSettings& settings,
                                                  Random& random, Instant now);
    // Theirs: rings.
    static std::shared_ptr<CallCore> ring(std::shared_ptr<call::KeptSession> session, const PublicIdentity& ours,
                                          const CallId& id, const call::Offer& offer,
                                          crypto::ExportSecret&& offer_secret, Random& random, Instant now);

    // The account's, by which a call tells who it is with.
    void look_up_in(std::shared_ptr<const Contacts> contacts) { contacts_ = std::move(contacts); }

    // By which all that follows is told the time.
    call::SteadyTime& time() { return time_; }
    const call::SteadyTime& time() const { return time_; }

    Result<void> accept(const CallSettings& settings, Instant now);
    void hang_up(Instant now);
    void hang_up() { hang_up(seen_); }  // the peer's device was revoked
    Result<void> set_route(Bytes route);
    Result<void> rekey();
    // A signal of this call, opened; `exported` is its message's secret.
    Result<void> receive_signal(const call::CallSignal& signal, crypto::ExportSecret&& exported, Instant now);

    Result<void> send(const VideoFrame& frame, Instant now);
    Result<void> send(const AudioBlock& block, Instant now);
    Result<void> receive(Bytes datagram, Instant now);

    std::optional<Output> poll(Instant now);
    Instant deadline() const;
    std::optional<FrameTrace> trace();

    Result<void> set_video_bitrate(int bits_per_second);
    void request_key_frame();

    CallState state() const { return state_; }
    const CallId& id() const { return binding_.call; }
    const PublicIdentity& peer() const { return session_->peer(); }
    std::optional<std::string> peer_name() const;
    std::optional<std::string> changed_contact() const;
    const DeviceKey& peer_device() const { return session_->peer_device(); }
    const SafetyNumber& safety_number() const;
    const std::optional<ShortAuth>& short_auth() const { return short_auth_.symbols(); }
    bool offers_video() const { return theirs_.video; }
    bool direct() const { return state_ == CallState::active && ours_.direct && theirs_.direct; }
    CallStats stats() const;

  private:
    CallCore(std::shared_ptr<call::KeptSession> session, const crypto::CallBinding& binding, crypto::Role role,
             Random& random, Instant now);

    using Notice = std::variant<Activated, ShortAuthReady, Buffer, Ended>;  // a Buffer is the peer's route

    Result<crypto::ExportSecret> queue_signal(const call::CallSignal& signal);
    Result<void> activate(crypto::ExportSecret&& offer, crypto::ExportSecret&& answer, Instant now);
    Result<void> start_media(crypto::ExportSecret&& offer, crypto::ExportSecret&& answer, Instant now);
    Result<void> receive_route(Bytes route);
    void send_route();
    void send_reveal();
    Result<void> receive_reveal(const call::Reveal& reveal, Instant now);
    Instant due() const;
    void hang_up(call::CallEvent event, EndReason reason, Instant now);
    void end(call::CallEvent event, EndReason reason, bool by_us, Instant now);
    void check_timeouts(Instant now);
    std::optional<Output> poll_notice(Instant now);

    // -- call_core_rekey.cpp

    void request_due_rekey(Instant now);
    Result<void> receive_rekey(const call::Rekey& rekey, crypto::ExportSecret&& request, Instant now);
    Result<void> receive_rekeyed(const call::Rekeyed& rekeyed, crypto::ExportSecret&& response, Instant now);
    Result<void> begin_generation(std::uint16_t number, crypto::ExportSecret&& request, crypto::ExportSecret&& response,
                                  call::MediaEpochs::Side side, Instant now);

    std::shared_ptr<call::KeptSession> session_;
    crypto::CallBinding binding_;
    crypto::Role role_;
    Random& random_;
    std::shared_ptr<const Contacts> contacts_;
    mutable std::optional<SafetyNumber> safety_number_;  // once somebody looks: it is slow to compute
    CallState state_;
    call::SteadyTime time_;
    Instant started_;
    Instant seen_;  // the last `now` we were given
    CallSettings settings_;
    call::StreamOffer ours_, theirs_;
    call::ShortAuthExchange short_auth_;
    std::optional<crypto::ExportSecret> offer_secret_;  // until the answer
    std::optional<call::Rekeying> rekeying_;            // while active, as is the next
    std::optional<crypto::RekeySalt> rekey_salt_;
    bool stepped_ = false;  // the signal queued last took a step of the ratchet
    std::unique_ptr<call::RtpSession> rtp_;
    std::unique_ptr<const CallStats> final_stats_;  // of the media, once they are gone
    Buffer route_;                                  // kept back until both sides accepted
    Buffer early_route_;                            // theirs, if it overtook their answer
    std::deque<Buffer> signals_;
    std::deque<Notice> notices_;
    Buffer taken_;  // what the last output views
    RefusalCounts refused_;
};

}  // namespace sotto::detail
