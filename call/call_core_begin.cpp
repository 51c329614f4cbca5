// How a call begins: what is offered and answered, and the media that both key.
#include <utility>

#include "base/byte_reader.h"
#include "call/call_core.h"

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

}  // namespace

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
    core->seal_ringing();
    return core;
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

}  // namespace sotto::detail
