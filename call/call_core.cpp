#include "call/call_core.h"

#include <algorithm>
#include <ranges>
#include <utility>

#include "base/byte_reader.h"
#include "crypto/safety_number.h"

namespace sotto::detail {
namespace {

using call::CallAction;
using call::CallEvent;
using call::StreamOffer;

// The SSRCs are random (RFC 3550 §8.1) and differ.
StreamOffer make_streams(const CallSettings& settings, Random& random) {
    std::array<std::byte, 12> bytes{};
    random.fill(bytes);
    ByteReader in(bytes);
    StreamOffer streams{.audio = settings.audio,
                        .video = settings.video,
                        .direct = settings.allow_direct,
                        .audio_channels = static_cast<std::uint8_t>(settings.audio_channels),
                        .audio_block_ms = static_cast<std::uint8_t>(settings.audio_block_ms),
                        .audio_ssrc = Ssrc{*in.u32()},
                        .video_ssrc = Ssrc{*in.u32()},
                        .repair_ssrc = Ssrc{*in.u32()}};
    if (streams.video_ssrc == streams.audio_ssrc) streams.video_ssrc.value ^= 1;
    while (streams.repair_ssrc == streams.audio_ssrc || streams.repair_ssrc == streams.video_ssrc) {
        streams.repair_ssrc.value += 1;
    }
    return streams;
}

bool valid(const CallSettings& settings) {
    const auto even_within = [](int size) { return size >= 16 && size <= 4096 && size % 2 == 0; };
    return (settings.audio_channels == 1 || settings.audio_channels == 2) &&
           (settings.audio_block_ms == 10 || settings.audio_block_ms == 20) && settings.audio_bitrate >= 6000 &&
           settings.audio_bitrate <= 256000 && even_within(settings.video_width) &&
           even_within(settings.video_height) && settings.video_frame_rate >= 1 && settings.video_frame_rate <= 120 &&
           settings.video_bitrate >= 10000 && settings.video_bitrate <= 50000000 && settings.video_cpu_used >= -16 &&
           settings.video_cpu_used <= 16;
}

CallId random_call_id(Random& random) {
    CallId id;
    random.fill(id.bytes);
    return id;
}

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
      state_(role == crypto::Role::caller ? CallState::calling : CallState::ringing),
      time_(now),
      started_(now),
      seen_(now) {}

void CallCore::add_leg(std::shared_ptr<call::KeptSession> session) {
    legs_.push_back({.session = std::move(session), .short_auth = {binding_, role_, random_}});
}

// Each device is shown a commitment of its own: whoever stood between with several would have as many attempts.
Result<std::shared_ptr<CallCore>> CallCore::dial(std::span<const CallTarget> targets, const PublicIdentity& ours,
                                                 const CallSettings& settings, Random& random, Instant now) {
    if (!valid(settings)) return Failure(Error::invalid_argument);
    const crypto::CallBinding binding{
        .call = random_call_id(random), .caller = ours, .callee = targets.front().session->peer()};
    std::shared_ptr<CallCore> core(new CallCore(binding, crypto::Role::caller, random, now));
    core->settings_ = settings;
    core->ours_ = make_streams(settings, random);
    for (const CallTarget& target : targets) {
        core->add_leg(target.session);
        CallLeg& leg = core->legs_.back();
        call::Offer offer = leg.short_auth.offer(core->ours_);
        offer.number = leg.number = target.number;
        if (target.capability != nullptr) offer.capability = target.capability->reveal();
        auto secret = core->queue_signal(leg, offer);
        if (!secret) return Failure(secret.error());
        leg.offer_secret = std::move(*secret);
        Outgoing& queued = core->signals_.back();
        if (target.capability != nullptr) queued.shown = crypto::hash_of(*target.capability);
        leg.again = {.bytes = queued.bytes, .shown = queued.shown};
    }
    return core;
}

std::shared_ptr<CallCore> CallCore::ring(std::shared_ptr<call::KeptSession> session, std::uint32_t number,
                                         const PublicIdentity& ours, const CallId& id, const call::Offer& offer,
                                         crypto::ExportSecret&& offer_secret, Random& random, Instant now) {
    const crypto::CallBinding binding{.call = id, .caller = session->peer(), .callee = ours};
    std::shared_ptr<CallCore> core(new CallCore(binding, crypto::Role::callee, random, now));
    core->theirs_ = offer.streams;
    core->add_leg(std::move(session));
    core->leg().number = number;
    core->leg().short_auth.hear(offer);
    core->leg().offer_secret = std::move(offer_secret);
    core->rings_untold_ = true;
    return core;
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

// What nothing here depends on: the call goes on without.
void CallCore::tell(CallLeg& leg, const call::SignalBody& body) {
    const auto sent = queue_signal(leg, body);
    if (!sent) ++refused_[sent.error()];
}

Result<void> CallCore::accept(const CallSettings& settings, Instant now) {
    check_timeouts(now);
    if (!call::transition(state_, CallEvent::accept)) return Failure(Error::wrong_state);
    if (changed_contact()) return Failure(Error::identity_changed);
    if (!valid(settings)) return Failure(Error::invalid_argument);
    settings_ = settings;
    ours_ = make_streams(settings, random_);
    return answer({}, now);
}

// The peer's offer, to which our user agrees.
Result<void> CallCore::answer(const std::optional<CallId>& withdrawn, Instant now) {
    call::Answer body = leg().short_auth.answer(ours_);
    body.withdrawn = withdrawn;
    body.number = leg().number;
    auto answer_secret = queue_signal(body);
    if (!answer_secret) return Failure(answer_secret.error());
    SignalAgain again{.bytes = signals_.back().bytes};
    leg().session->welcome();
    const auto started = activate(std::move(*leg().offer_secret), std::move(*answer_secret), now);
    if (!started) return started;
    again.due = now + again.wait;
    leg().again = std::move(again);
    return {};
}

// A call whose media cannot start is over: its secrets are spent, and the peer must not wait for it.
Result<void> CallCore::activate(crypto::ExportSecret&& offer, crypto::ExportSecret&& answer, Instant now) {
    const auto started = start_media(std::move(offer), std::move(answer), now);
    if (!started) hang_up(now);
    return started;
}

Result<void> CallCore::start_media(crypto::ExportSecret&& offer, crypto::ExportSecret&& answer, Instant now) {
    auto secret = crypto::derive_call_secret(std::move(offer), std::move(answer), binding_);
    leg().short_auth.agree(secret);
    rekey_salt_ = crypto::derive_rekey_salt(secret);
    leg().offer_secret.reset();
    leg().again = {};
    call::MediaEpochs epochs({std::move(secret), 0, binding_, role_}, binding_.call, {}, now);
    auto rtp = call::RtpSession::create(std::move(epochs), ours_, theirs_, settings_, random_, now);
    if (!rtp) return Failure(rtp.error());
    rtp_ = std::move(*rtp);
    rekeying_.emplace(role_, now);
    state_ = CallState::active;
    notices_.push_back(Activated{safety_number()});
    if (role_ == crypto::Role::caller) {
        // Without the reveal the callee shows no string, and then there is nothing to compare ours with.
        const auto sent = queue_signal(leg().short_auth.reveal());
        if (sent) notices_.push_back(ShortAuthReady{leg().short_auth.conclude()});
        if (!sent) ++refused_[sent.error()];
    }
    if (!leg().early_route.empty()) notices_.push_back(std::exchange(leg().early_route, {}));
    if (leg().media.number > 0) notices_.push_back(PeerMedia{leg().media.status});
    if (!route_.empty()) tell(call::Route{route_});
    if (media_ != MediaStatus{}) tell(call::MediaNotice{++media_number_, media_});
    return {};
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
    if (received) answer_heard();
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
    if (notices_.empty()) return std::nullopt;
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
    if (std::exchange(rings_untold_, false) && state_ == CallState::ringing) tell(call::Ringing{});
    request_due_rekey(now);
    repeat_signals(now);
    if (!signals_.empty()) {
        taken_ = std::move(signals_.front());
        signals_.pop_front();
        return Signal{.to = peer(), .device = taken_.device, .bytes = taken_.bytes, .capability = taken_.shown};
    }
    if (auto notice = poll_notice(now)) return notice;
    if (!call::talking(state_)) return std::nullopt;
    auto output = rtp_->poll(now);
    if (!output) return std::nullopt;
    return std::visit([](const auto& value) -> Output { return value; }, *output);
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
