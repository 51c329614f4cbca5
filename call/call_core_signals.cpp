// What the peer says during a call: opened signals in, changes of state out.
#include <algorithm>
#include <utility>

#include "call/call_core.h"

namespace sotto::detail {

using call::CallAction;
using call::CallEvent;

Result<void> CallCore::receive_signal(const DeviceKey& from, const call::CallSignal& signal,
                                      crypto::ExportSecret&& exported, Instant now) {
    check_timeouts(now);
    CallLeg* const leg = find_leg(from);
    if (leg == nullptr) return Failure(Error::unknown_call);
    const auto& body = signal.body;
    if (!std::holds_alternative<call::Offer>(body)) answer_heard();
    if (const auto* answer = std::get_if<call::Answer>(&body)) {
        return receive_answer(*leg, *answer, std::move(exported), now);
    }
    if (const auto* rekey = std::get_if<call::Rekey>(&body)) return receive_rekey(*rekey, std::move(exported), now);
    if (const auto* rekeyed = std::get_if<call::Rekeyed>(&body)) {
        return receive_rekeyed(*rekeyed, std::move(exported), now);
    }
    if (const auto* hang_up = std::get_if<call::HangUp>(&body)) return receive_hang_up(*leg, hang_up->reason, now);
    if (const auto* route = std::get_if<call::Route>(&body)) return receive_route(*leg, route->route);
    if (const auto* reveal = std::get_if<call::Reveal>(&body)) return receive_reveal(*reveal, now);
    if (const auto* media = std::get_if<call::MediaNotice>(&body)) return receive_media(*leg, *media);
    if (const auto* pictures = std::get_if<call::Pictures>(&body)) return receive_pictures(pictures->say);
    if (std::holds_alternative<call::Ringing>(body)) return receive_ringing();
    return Failure(Error::replayed);  // a second offer with the id of a call we have
}

// The others stop ringing.
void CallCore::keep_only(const DeviceKey& device) {
    for (CallLeg& leg : legs_) {
        if (leg.session->peer_device() != device) tell(leg, call::HangUp{EndReason::elsewhere});
    }
    std::erase_if(legs_, [&](const CallLeg& leg) { return leg.session->peer_device() != device; });
}

Result<void> CallCore::receive_answer(CallLeg& from, const call::Answer& answer, crypto::ExportSecret&& secret,
                                      Instant now) {
    if (!call::transition(state_, CallEvent::peer_answered)) return Failure(Error::wrong_state);
    theirs_ = answer.streams;
    from.short_auth.hear(answer);
    keep_only(from.session->peer_device());
    return activate(std::move(*leg().offer_secret), std::move(secret), now);
}

// One device speaks for the person: if it declines, the others stop ringing.
Result<void> CallCore::receive_hang_up(const CallLeg& from, EndReason reason, Instant now) {
    const auto step = call::transition(state_, CallEvent::peer_hung_up);
    if (!step) return Failure(step.error());
    if (step->action == CallAction::none) return {};
    keep_only(from.session->peer_device());
    end(reason, false, now);
    return {};
}

Result<void> CallCore::receive_ringing() {
    const auto step = call::transition(state_, CallEvent::peer_rings);
    if (!step) return Failure(step.error());
    state_ = step->next;
    if (step->action == CallAction::tell_client) notices_.push_back(PeerRings{});
    return {};
}

// Both users dialled, so both have agreed. The smaller id counts, and both sides see the same two.
Result<void> CallCore::cross(const std::shared_ptr<call::KeptSession>& session, const CallId& id,
                             const call::Offer& offer, crypto::ExportSecret&& offer_secret, Instant now) {
    check_timeouts(now);
    const CallEvent event = id < binding_.call ? CallEvent::offer_before_ours : CallEvent::offer_after_ours;
    const auto step = call::transition(state_, event);
    if (!step) return Failure(step.error());
    if (step->action != CallAction::yield) {
        // Ours counts, and may be lost: the peer does nothing before it has that.
        if (CallLeg* const crossed = find_leg(session->peer_device())) crossed->again.due = now + crossed->again.wait;
        return {};
    }
    keep_only(session->peer_device());
    const CallId withdrawn = binding_.call;
    binding_ = {.call = id, .caller = binding_.callee, .callee = binding_.caller};
    role_ = crypto::Role::callee;
    theirs_ = offer.streams;
    const std::uint32_t number = leg().number;
    legs_.clear();
    add_leg(session);
    leg().number = number;
    leg().short_auth.hear(offer);
    leg().offer_secret = std::move(offer_secret);
    const auto answered = answer(withdrawn, now);
    // Our own offer is gone, and theirs can't be opened again: nobody has anything left to wait for.
    if (!answered && state_ != CallState::ended) hang_up(now);
    return answered;
}

// The caller's media and all that it says in the call but the offer follow on our answer.
void CallCore::answer_heard() {
    if (call::talking(state_) && leg().again.due != never) leg().again = {};
}

// The very same bytes: of what has arrived they are a repetition, which is refused.
void CallCore::repeat_signals(Instant now) {
    for (CallLeg& leg : legs_) {
        SignalAgain& again = leg.again;
        if (now < again.due) continue;
        signals_.push_back({.device = leg.session->peer_device(), .bytes = again.bytes, .shown = again.shown});
        again.wait *= 2;
        again.due = now + again.wait;
    }
}

// A route may overtake the answer it follows; it is told once there is a call.
Result<void> CallCore::receive_route(CallLeg& from, Bytes route) {
    if (call::dialling(state_)) {
        from.early_route = to_buffer(route);
        return {};
    }
    if (!call::talking(state_)) return Failure(Error::wrong_state);
    // Only the newest counts, however many come between two polls.
    std::erase_if(notices_, [](const Notice& notice) { return std::holds_alternative<Buffer>(notice); });
    notices_.push_back(to_buffer(route));
    return {};
}

// A nonce that the offer did not commit to: somebody stands between, and the call is over.
Result<void> CallCore::receive_reveal(const call::Reveal& reveal, Instant now) {
    if (!call::talking(state_)) return Failure(Error::wrong_state);
    const auto kept = leg().short_auth.receive(reveal);
    if (!kept && kept.error() != Error::forged) return kept;
    if (!kept) return hang_up(CallEvent::commitment_broken, now);
    notices_.push_back(ShortAuthReady{*leg().short_auth.symbols()});
    return {};
}

// -- What is held back, and pictures by consent

Result<void> CallCore::set_media(const MediaStatus& status) {
    if (state_ == CallState::ended) return Failure(Error::wrong_state);
    if (status == media_) return {};
    media_ = status;
    if (call::talking(state_)) tell(call::MediaNotice{++media_number_, media_});
    return {};
}

// An older one that comes late says nothing; one that overtakes the answer is told once there is a call.
Result<void> CallCore::receive_media(CallLeg& from, const call::MediaNotice& media) {
    if (state_ == CallState::ringing || state_ == CallState::ended) return Failure(Error::wrong_state);
    if (media.number <= from.media.number) return Failure(Error::outdated);
    from.media = media;
    if (!call::talking(state_)) return {};
    std::erase_if(notices_, [](const Notice& notice) { return std::holds_alternative<PeerMedia>(notice); });
    notices_.push_back(PeerMedia{media.status});
    return {};
}

Result<void> CallCore::ask_video() {
    if (!call::talking(state_) || we_asked_ || (ours_.video && theirs_.video)) return Failure(Error::wrong_state);
    if (peer_asked_) return answer_video(true);
    const auto sent = queue_signal(call::Pictures{call::Pictures::Say::ask});
    if (!sent) return Failure(sent.error());
    we_asked_ = true;
    return {};
}

Result<void> CallCore::answer_video(bool agreed) {
    if (!call::talking(state_) || !peer_asked_) return Failure(Error::wrong_state);
    if (agreed) {
        const auto allowed = allow_pictures();
        if (!allowed) return allowed;
    }
    peer_asked_ = false;
    const auto sent = queue_signal(call::Pictures{agreed ? call::Pictures::Say::agree : call::Pictures::Say::refuse});
    return sent ? Result<void>{} : Failure(sent.error());
}

Result<void> CallCore::allow_pictures() {
    const auto allowed = rtp_->allow_pictures(settings_);
    if (!allowed) return allowed;
    ours_.video = theirs_.video = true;
    return {};
}

Result<void> CallCore::receive_pictures(call::Pictures::Say said) {
    using enum call::Pictures::Say;
    if (!call::talking(state_)) return Failure(Error::wrong_state);
    if (said == ask && !we_asked_) {
        if (peer_asked_ || (ours_.video && theirs_.video)) return {};  // asked before, or agreed
        peer_asked_ = true;
        notices_.push_back(VideoAsked{});
        return {};
    }
    // The peer's question is an answer to our own.
    if (!we_asked_) return Failure(Error::wrong_state);
    we_asked_ = false;
    if (said == refuse) {
        notices_.push_back(VideoAnswered{false});
        return {};
    }
    const auto allowed = allow_pictures();
    notices_.push_back(VideoAnswered{allowed.has_value()});
    return allowed;
}

}  // namespace sotto::detail
