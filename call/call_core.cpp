#include "call/call_core.h"

#include <algorithm>
#include <utility>

#include "base/byte_reader.h"
#include "crypto/safety_number.h"

namespace sotto::detail {
namespace {

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
crypto::Step step_for(const call::CallSignal& signal) {
    const auto& body = signal.body;
    const bool keys = std::holds_alternative<call::Offer>(body) || std::holds_alternative<call::Answer>(body) ||
                      std::holds_alternative<call::Rekey>(body) || std::holds_alternative<call::Rekeyed>(body);
    return keys ? crypto::Step::fresh : crypto::Step::keep;
}

}  // namespace

CallCore::CallCore(std::shared_ptr<call::KeptSession> session, const crypto::CallBinding& binding, crypto::Role role,
                   Random& random, Instant now)
    : session_(std::move(session)),
      binding_(binding),
      role_(role),
      random_(random),
      state_(role == crypto::Role::caller ? CallState::calling : CallState::ringing),
      time_(now),
      started_(now),
      seen_(now),
      short_auth_(binding, role, random) {}

Result<std::shared_ptr<CallCore>> CallCore::dial(std::shared_ptr<call::KeptSession> session, const PublicIdentity& ours,
                                                 const CallSettings& settings, Random& random, Instant now) {
    if (!valid(settings)) return Failure(Error::invalid_argument);
    const crypto::CallBinding binding{.call = random_call_id(random), .caller = ours, .callee = session->peer()};
    std::shared_ptr<CallCore> core(new CallCore(std::move(session), binding, crypto::Role::caller, random, now));
    core->settings_ = settings;
    core->ours_ = make_streams(settings, random);
    auto secret = core->queue_signal({.call = binding.call, .body = core->short_auth_.offer(core->ours_)});
    if (!secret) return Failure(secret.error());
    core->offer_secret_ = std::move(*secret);
    return core;
}

std::shared_ptr<CallCore> CallCore::ring(std::shared_ptr<call::KeptSession> session, const PublicIdentity& ours,
                                         const CallId& id, const call::Offer& offer,
                                         crypto::ExportSecret&& offer_secret, Random& random, Instant now) {
    const crypto::CallBinding binding{.call = id, .caller = session->peer(), .callee = ours};
    std::shared_ptr<CallCore> core(new CallCore(std::move(session), binding, crypto::Role::callee, random, now));
    core->theirs_ = offer.streams;
    core->short_auth_.hear(offer);
    core->offer_secret_ = std::move(offer_secret);
    return core;
}

std::optional<std::string> CallCore::peer_name() const { return contacts_ ? contacts_->name_of(peer()) : std::nullopt; }

std::optional<std::string> CallCore::changed_contact() const {
    return contacts_ ? contacts_->name_changing_to(peer()) : std::nullopt;
}

const SafetyNumber& CallCore::safety_number() const {
    if (!safety_number_) safety_number_ = crypto::safety_number(binding_.caller, binding_.callee);
    return *safety_number_;
}

Result<crypto::ExportSecret> CallCore::queue_signal(const call::CallSignal& signal) {
    const auto plaintext = call::encode(signal);
    if (!plaintext) return Failure(plaintext.error());
    auto sealed = session_->seal(*plaintext, step_for(signal));
    if (!sealed) return Failure(sealed.error());
    stepped_ = sealed->stepped;
    signals_.push_back(std::move(sealed->message));
    return std::move(sealed->exported);
}

Result<void> CallCore::accept(const CallSettings& settings, Instant now) {
    check_timeouts(now);
    if (!call::next_state(state_, CallEvent::accept)) return Failure(Error::wrong_state);
    if (changed_contact()) return Failure(Error::identity_changed);
    if (!valid(settings)) return Failure(Error::invalid_argument);
    settings_ = settings;
    ours_ = make_streams(settings, random_);
    auto answer_secret = queue_signal({.call = binding_.call, .body = short_auth_.answer(ours_)});
    if (!answer_secret) return Failure(answer_secret.error());
    session_->welcome();
    return activate(std::move(*offer_secret_), std::move(*answer_secret), now);
}

// A call whose media cannot start is over: its secrets are spent, and the peer must not wait for it.
Result<void> CallCore::activate(crypto::ExportSecret&& offer, crypto::ExportSecret&& answer, Instant now) {
    const auto started = start_media(std::move(offer), std::move(answer), now);
    if (!started) hang_up(now);
    return started;
}

Result<void> CallCore::start_media(crypto::ExportSecret&& offer, crypto::ExportSecret&& answer, Instant now) {
    auto secret = crypto::derive_call_secret(std::move(offer), std::move(answer), binding_);
    short_auth_.agree(secret);
    rekey_salt_ = crypto::derive_rekey_salt(secret);
    offer_secret_.reset();
    call::MediaEpochs epochs({std::move(secret), 0, binding_, role_}, binding_.call, {}, now);
    auto rtp = call::RtpSession::create(std::move(epochs), ours_, theirs_, settings_, random_, now);
    if (!rtp) return Failure(rtp.error());
    rtp_ = std::move(*rtp);
    rekeying_.emplace(role_, now);
    state_ = CallState::active;
    notices_.push_back(Activated{safety_number()});
    if (role_ == crypto::Role::caller) send_reveal();
    if (!early_route_.empty()) notices_.push_back(std::exchange(early_route_, {}));
    send_route();
    return {};
}

Result<void> CallCore::set_route(Bytes route) {
    if (route.size() > call::Route::max_size) return Failure(Error::too_large);
    if (state_ == CallState::ended) return Failure(Error::wrong_state);
    route_ = to_buffer(route);
    if (state_ == CallState::active) send_route();
    return {};
}

void CallCore::send_route() {
    if (route_.empty()) return;
    const auto sent = queue_signal({.call = binding_.call, .body = call::Route{route_}});
    if (!sent) ++refused_[sent.error()];
}

// Without the reveal the callee shows no string, and then there is nothing to compare ours with.
void CallCore::send_reveal() {
    const auto sent = queue_signal({.call = binding_.call, .body = short_auth_.reveal()});
    if (!sent) {
        ++refused_[sent.error()];
        return;
    }
    notices_.push_back(ShortAuthReady{short_auth_.conclude()});
}

// A nonce that the offer did not commit to: somebody stands between, and the call is over.
Result<void> CallCore::receive_reveal(const call::Reveal& reveal, Instant now) {
    if (state_ != CallState::active) return Failure(Error::wrong_state);
    const auto kept = short_auth_.receive(reveal);
    if (!kept && kept.error() != Error::forged) return kept;
    if (kept) {
        notices_.push_back(ShortAuthReady{*short_auth_.symbols()});
    } else {
        hang_up(CallEvent::commitment_broken, EndReason::tampered, now);
    }
    return {};
}

void CallCore::hang_up(Instant now) {
    seen_ = now;
    if (state_ != CallState::ended) hang_up(CallEvent::hang_up, call::hang_up_reason(state_), now);
}

void CallCore::hang_up(CallEvent event, EndReason reason, Instant now) {
    const auto sent = queue_signal({.call = binding_.call, .body = call::HangUp{reason}});
    if (!sent) ++refused_[sent.error()];
    end(event, reason, true, now);
}

void CallCore::end(CallEvent event, EndReason reason, bool by_us, Instant now) {
    const auto next = call::next_state(state_, event);
    if (!next) return;
    state_ = *next;
    if (rtp_ && by_us) rtp_->say_bye(now);
    offer_secret_.reset();
    rekeying_.reset();
    rekey_salt_.reset();
    short_auth_.forget();
    notices_.push_back(Ended{.reason = reason, .by_us = by_us});
}

// A route may overtake the answer it follows; it is told once there is a call.
Result<void> CallCore::receive_route(Bytes route) {
    if (state_ == CallState::calling) {
        early_route_ = to_buffer(route);
        return {};
    }
    if (state_ != CallState::active) return Failure(Error::wrong_state);
    // Only the newest counts, however many come between two polls.
    std::erase_if(notices_, [](const Notice& notice) { return std::holds_alternative<Buffer>(notice); });
    notices_.push_back(to_buffer(route));
    return {};
}

Result<void> CallCore::receive_signal(const call::CallSignal& signal, crypto::ExportSecret&& exported, Instant now) {
    check_timeouts(now);
    if (const auto* answer = std::get_if<call::Answer>(&signal.body)) {
        if (!call::next_state(state_, CallEvent::peer_answered)) return Failure(Error::wrong_state);
        theirs_ = answer->streams;
        short_auth_.hear(*answer);
        return activate(std::move(*offer_secret_), std::move(exported), now);
    }
    if (const auto* rekey = std::get_if<call::Rekey>(&signal.body)) {
        return receive_rekey(*rekey, std::move(exported), now);
    }
    if (const auto* rekeyed = std::get_if<call::Rekeyed>(&signal.body)) {
        return receive_rekeyed(*rekeyed, std::move(exported), now);
    }
    if (const auto* route = std::get_if<call::Route>(&signal.body)) return receive_route(route->route);
    if (const auto* reveal = std::get_if<call::Reveal>(&signal.body)) return receive_reveal(*reveal, now);
    if (const auto* hang_up = std::get_if<call::HangUp>(&signal.body)) {
        if (!call::next_state(state_, CallEvent::peer_hung_up)) return Failure(Error::wrong_state);
        end(CallEvent::peer_hung_up, hang_up->reason, false, now);
        return {};
    }
    return Failure(Error::replayed);  // a second offer with the id of a call we have
}

Result<void> CallCore::send(const VideoFrame& frame, Instant now) {
    seen_ = now;
    if (state_ != CallState::active) return Failure(Error::wrong_state);
    return rtp_->send(frame, now);
}

Result<void> CallCore::send(const AudioBlock& block, Instant now) {
    seen_ = now;
    if (state_ != CallState::active) return Failure(Error::wrong_state);
    return rtp_->send(block, now);
}

Result<void> CallCore::receive(Bytes datagram, Instant now) {
    check_timeouts(now);  // or a datagram after a long sleep would hide it
    if (state_ != CallState::active) {
        ++refused_[Error::wrong_state];
        return Failure(Error::wrong_state);
    }
    return rtp_->receive(datagram, now);
}

void CallCore::check_timeouts(Instant now) {
    seen_ = now;
    if (state_ == CallState::active) {
        if (rtp_->peer_said_bye()) end(CallEvent::peer_hung_up, EndReason::hung_up, false, now);
        if (now - rtp_->last_received() >= media_timeout) end(CallEvent::media_timed_out, EndReason::lost, true, now);
    } else if (state_ != CallState::ended && now - started_ >= ring_timeout) {
        if (state_ == CallState::calling) {
            const auto sent = queue_signal({.call = binding_.call, .body = call::HangUp{EndReason::not_answered}});
            if (!sent) ++refused_[sent.error()];
        }
        end(CallEvent::ring_timed_out, EndReason::not_answered, true, now);
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
        taken_ = std::move(*route);
        return RemoteRoute{taken_};
    }
    if (const auto* activated = std::get_if<Activated>(&notice)) return *activated;
    if (const auto* ready = std::get_if<ShortAuthReady>(&notice)) return *ready;
    return std::get<Ended>(notice);
}

std::optional<Output> CallCore::poll(Instant now) {
    check_timeouts(now);
    request_due_rekey(now);
    if (!signals_.empty()) {
        taken_ = std::move(signals_.front());
        signals_.pop_front();
        return Signal{.to = peer(), .device = peer_device(), .bytes = taken_};
    }
    if (auto notice = poll_notice(now)) return notice;
    if (state_ != CallState::active) return std::nullopt;
    auto output = rtp_->poll(now);
    if (!output) return std::nullopt;
    return std::visit([](const auto& value) -> Output { return value; }, *output);
}

// No earlier than what we have seen of the time, so that a client may subtract.
Instant CallCore::deadline() const { return std::max(due(), seen_); }

Instant CallCore::due() const {
    if (!signals_.empty() || !notices_.empty()) return seen_;
    switch (state_) {
        case CallState::active:
            return std::min({rtp_->deadline(), rekeying_->deadline(), rtp_->last_received() + media_timeout});
        case CallState::ended: return never;
        case CallState::calling:
        case CallState::ringing: break;
    }
    return started_ + ring_timeout;
}

std::optional<FrameTrace> CallCore::trace() { return rtp_ ? rtp_->trace() : std::nullopt; }

Result<void> CallCore::set_video_bitrate(int bits_per_second) {
    if (state_ != CallState::active) return Failure(Error::wrong_state);
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
