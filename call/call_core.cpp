#include "call/call_core.h"

#include <algorithm>
#include <ranges>
#include <utility>

#include "crypto/safety_number.h"

namespace sotto::detail {
namespace {

using call::CallAction;
using call::CallEvent;

// Calls are keyed from the messages of these signals: each gets the freshest keys that the ratchet can give.
crypto::Step step_for(const call::SignalBody& body) {
    const bool keys = std::holds_alternative<call::Offer>(body) || std::holds_alternative<call::Answer>(body) ||
                      std::holds_alternative<call::Rekey>(body) || std::holds_alternative<call::Rekeyed>(body);
    return keys ? crypto::Step::fresh : crypto::Step::keep;
}

// In place of what the microphone gives; as long as the longest block.
constexpr std::array<std::int16_t, 2 * 960> silence{};

}  // namespace

CallCore::CallCore(const crypto::CallBinding& binding, crypto::Role role, Random& random, Instant now)
    : binding_(binding),
      role_(role),
      random_(random),
      started_(now),
      time_(now),
      seen_(now),
      state_(role == crypto::Role::caller ? CallState::calling : CallState::ringing) {}

void CallCore::add_leg(std::shared_ptr<call::KeptSession> session) {
    legs_.push_back({.session = std::move(session), .short_auth = {binding_, role_, random_}});
}

bool CallCore::with(const PublicIdentity& who, const DeviceKey& device) const {
    return who == peer() &&
           std::ranges::any_of(legs_, [&](const CallLeg& leg) { return leg.session->peer_device() == device; });
}

std::vector<DeviceKey> CallCore::peer_devices() const {
    std::vector<DeviceKey> devices;
    for (const CallLeg& leg : legs_) devices.push_back(leg.session->peer_device());
    return devices;
}

bool CallCore::leave(const DeviceKey& device) {
    if (legs_.size() == 1) return leg().session->peer_device() == device;
    std::erase_if(legs_, [&](const CallLeg& leg) { return leg.session->peer_device() == device; });
    return false;
}

CallLeg* CallCore::find_leg(const DeviceKey& device) {
    const auto leg =
        std::ranges::find_if(legs_, [&](const CallLeg& each) { return each.session->peer_device() == device; });
    return leg == legs_.end() ? nullptr : &*leg;
}

std::optional<std::string> CallCore::peer_name() const { return contacts_ ? contacts_->name_of(peer()) : std::nullopt; }

std::optional<std::string> CallCore::changed_contact() const {
    return contacts_ ? contacts_->name_changing_to(peer()) : std::nullopt;
}

const SafetyNumber& CallCore::safety_number() const {
    if (!safety_number_) safety_number_ = crypto::safety_number(binding_.caller, binding_.callee);
    return *safety_number_;
}

Result<crypto::ExportSecret> CallCore::queue_signal(CallLeg& leg, const call::SignalBody& body) {
    auto plaintext = call::encode({.call = binding_.call, .body = body});
    if (!plaintext) return Failure(plaintext.error());
    auto sealed = leg.session->seal(*plaintext, step_for(body));
    wipe(plaintext->data(), plaintext->size());
    if (!sealed) return Failure(sealed.error());
    stepped_ = sealed->stepped;
    signals_.push_back({.device = leg.session->peer_device(), .bytes = std::move(sealed->message)});
    return std::move(sealed->exported);
}

// Now, so that the session is written once for the offer and this; if it never leaves, its place in the chain is lost.
void CallCore::seal_ringing() {
    const auto plaintext = call::encode({.call = binding_.call, .body = call::Ringing{}});
    auto sealed = leg().session->seal(*plaintext, step_for(call::Ringing{}), call::KeptSession::Leaves::later);
    if (!sealed) ++refused_[sealed.error()];
    if (sealed) rings_untold_ = {.device = leg().session->peer_device(), .bytes = std::move(sealed->message)};
}

// What nothing here depends on: the call goes on without.
void CallCore::tell(CallLeg& leg, const call::SignalBody& body) {
    const auto sent = queue_signal(leg, body);
    if (!sent) ++refused_[sent.error()];
}

Result<void> CallCore::set_route(Bytes route) {
    if (route.size() > call::Route::max_size) return Failure(Error::too_large);
    if (state_ == CallState::ended) return Failure(Error::wrong_state);
    route_ = to_buffer(route);
    if (call::talking(state_) && !route_.empty()) tell(call::Route{route_});
    return {};
}

void CallCore::hang_up(Instant now) {
    seen_ = now;
    static_cast<void>(hang_up(CallEvent::hang_up, now));  // has its place in every state
}

Result<void> CallCore::busy(Instant now) {
    check_timeouts(now);
    return hang_up(CallEvent::busy, now);
}

Result<void> CallCore::hang_up(CallEvent event, Instant now) {
    const auto step = call::transition(state_, event);
    if (!step) return Failure(step.error());
    const EndReason reason = call::end_reason(state_, event);
    if (step->action == CallAction::end_and_tell) {
        for (CallLeg& leg : legs_) tell(leg, call::HangUp{reason});
    }
    if (step->action != CallAction::none) end(reason, true, now);
    return {};
}

void CallCore::end(EndReason reason, bool by_us, Instant now) {
    state_ = CallState::ended;
    if (rtp_ && by_us) rtp_->say_bye(now);
    for (CallLeg& leg : legs_) {
        leg.offer_secret.reset();
        leg.again = {};
        leg.short_auth.forget();
    }
    rekeying_.reset();
    rekey_salt_.reset();
    notices_.push_back(Ended{.reason = reason, .by_us = by_us});
}

Result<void> CallCore::send(const VideoFrame& frame, Instant now) {
    seen_ = now;
    if (!call::talking(state_) || media_.camera_off || media_.held) return Failure(Error::wrong_state);
    return rtp_->send(frame, now);
}

Result<void> CallCore::send(const AudioBlock& block, Instant now) {
    seen_ = now;
    if (!call::talking(state_)) return Failure(Error::wrong_state);
    if (!media_.muted && !media_.held) return rtp_->send(block, now);
    if (block.samples.size() > silence.size()) return Failure(Error::unsupported_media);
    AudioBlock muted = block;
    muted.samples = std::span(silence).first(block.samples.size());
    return rtp_->send(muted, now);
}

Result<void> CallCore::receive(Bytes datagram, Instant now) {
    check_timeouts(now);  // or a datagram after a long sleep would hide it
    if (!call::talking(state_)) {
        ++refused_[Error::wrong_state];
        return Failure(Error::wrong_state);
    }
    const auto received = rtp_->receive(datagram, now);
    if (received && leg().again.due != never) answer_heard();
    return received;
}

void CallCore::check_timeouts(Instant now) {
    seen_ = now;
    if (call::talking(state_)) return check_media(now);
    if (state_ == CallState::ended || now - started_ < ring_timeout) return;
    static_cast<void>(hang_up(CallEvent::ring_timed_out, now));
}

void CallCore::check_media(Instant now) {
    if (rtp_->peer_said_bye()) return end(EndReason::hung_up, false, now);
    const Duration silent = now - rtp_->last_received();
    if (state_ == CallState::active && silent < media_pause) return;  // as nearly always: the table has nothing else
    if (silent >= media_timeout) {
        static_cast<void>(hang_up(CallEvent::media_timed_out, now));
        return;
    }
    const auto step =
        call::transition(state_, silent >= media_pause ? CallEvent::media_stopped : CallEvent::media_came);
    if (!step || step->action != CallAction::tell_client) return;
    state_ = step->next;
    if (state_ == CallState::reconnecting) {
        notices_.push_back(Reconnecting{});
    } else {
        notices_.push_back(Reconnected{});
    }
}

std::optional<Output> CallCore::poll_notice(Instant now) {
    // The end comes last: after every datagram that is still to go.
    if (std::holds_alternative<Ended>(notices_.front()) && rtp_) {
        if (const auto datagram = rtp_->flush(now)) return *datagram;
        CallStats last;
        rtp_->add_to(last);
        last.memory = 0;  // given back
        final_stats_ = std::make_unique<const CallStats>(last);
        rtp_.reset();
    }
    Notice notice = std::move(notices_.front());
    notices_.pop_front();
    if (auto* route = std::get_if<Buffer>(&notice)) {
        taken_.bytes = std::move(*route);
        return RemoteRoute{taken_.bytes};
    }
    return std::visit(
        [](const auto& told) -> std::optional<Output> {
            if constexpr (std::is_constructible_v<Output, decltype(told)>) return told;
            return std::nullopt;  // a route, which is told above
        },
        notice);
}

std::optional<Output> CallCore::poll(Instant now) {
    check_timeouts(now);
    queue_due_signals(now);
    if (!signals_.empty()) [[unlikely]] {
        return take_signal();
    }
    if (!notices_.empty()) [[unlikely]] {
        if (auto notice = poll_notice(now)) return notice;
    }
    if (!call::talking(state_)) return std::nullopt;
    auto output = rtp_->poll(now);
    if (!output) return std::nullopt;
    if (const auto* datagram = std::get_if<Datagram>(&*output)) return *datagram;
    return std::visit([](const auto& value) -> Output { return value; }, *output);
}

// What each poll() asks: seldom is anything due, and what it takes then is elsewhere.
void CallCore::queue_due_signals(Instant now) {
    if (rings_untold_) [[unlikely]] {
        if (state_ == CallState::ringing) {
            signals_.push_back(std::move(*rings_untold_));
            leg().session->has_left();
        }
        rings_untold_.reset();
    }
    if (rekeying_ && now >= rekeying_->deadline()) [[unlikely]] {
        request_due_rekey(now);
    }
    const auto is_due = [now](const CallLeg& leg) { return now >= leg.again.due; };
    if (std::ranges::any_of(legs_, is_due)) [[unlikely]] {
        repeat_signals(now);
    }
}

std::optional<Output> CallCore::take_signal() {
    taken_ = std::move(signals_.front());
    signals_.pop_front();
    return Signal{.to = peer(), .device = taken_.device, .bytes = taken_.bytes, .capability = taken_.shown};
}

// No earlier than what we have seen of the time, so that a client may subtract.
Instant CallCore::deadline() const { return std::max(due(), seen_); }

Instant CallCore::due() const {
    if (rings_untold_ || !signals_.empty() || !notices_.empty()) return seen_;
    if (state_ == CallState::ended) return never;
    const Instant repeats =
        std::ranges::min(legs_ | std::views::transform([](const CallLeg& leg) { return leg.again.due; }));
    if (!call::talking(state_)) return std::min(started_ + ring_timeout, repeats);
    const Duration patience = state_ == CallState::active ? media_pause : media_timeout;
    return std::min({rtp_->deadline(), rekeying_->deadline(), rtp_->last_received() + patience, repeats});
}

std::optional<FrameTrace> CallCore::trace() { return rtp_ ? rtp_->trace() : std::nullopt; }

void CallCore::shown(Medium medium, std::uint32_t timestamp, Instant at) {
    if (rtp_) rtp_->shown(medium, timestamp, at);
}

Result<void> CallCore::set_video_bitrate(int bits_per_second) {
    if (!call::talking(state_)) return Failure(Error::wrong_state);
    return rtp_->set_video_maximum(bits_per_second);
}

void CallCore::request_key_frame() {
    if (rtp_) rtp_->video_sender().recovery.force_key();
}

CallStats CallCore::stats() const {
    CallStats stats = final_stats_ ? *final_stats_ : CallStats{};
    if (rtp_) rtp_->add_to(stats);
    for (std::size_t i = 0; i < error_count; ++i) stats.refused.by_error[i] += refused_.by_error[i];
    stats.memory += sizeof(*this);
    return stats;
}

}  // namespace sotto::detail
