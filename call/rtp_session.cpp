#include "call/rtp_session.h"

#include <algorithm>

#include "base/byte_reader.h"

namespace sotto::call {
namespace {

constexpr Duration report_interval = std::chrono::seconds(1);
// Where they would take more than a twentieth (RFC 3550 §6.2) or a tenth of what leaves: bits of both streams' reports,
// and of one of congestion feedback, IP and UDP included.
constexpr double report_bits = 2'200, feedback_bits = 800;
constexpr double reports_share = 0.05, feedback_share = 0.1;
// Of a path that has shown to be slow each report holds up sound and pictures.
constexpr double slow_feedback_share = 0.04;
constexpr int slow_path = 200'000;  // bit/s
constexpr Duration slow_feedback_at_most = std::chrono::milliseconds(200);
constexpr int below_40_ms = 45'000, below_60_ms = 28'000;  // bit/s

Duration interval_for(double bits, double share, int rate) {
    return Duration(static_cast<std::int64_t>(1e9 * bits / (share * std::max(rate, 1))));
}

// RFC 3550 §6.2: half to one and a half times the interval, so that reports do not synchronise.
Duration randomised(Duration interval, Random& random) {
    std::array<std::byte, 2> bytes{};
    random.fill(bytes);
    const std::uint16_t share = *ByteReader(bytes).u16();
    return interval / 2 + interval * share / 65536;
}

// RFC 7022 §4.2: a short-term persistent name, 96 random bits, new for each call.
std::string random_cname(Random& random) {
    std::array<std::byte, 12> bytes{};
    random.fill(bytes);
    return to_hex(bytes);
}

StreamSsrcs ssrcs(const StreamOffer& streams) {
    return {.audio = streams.audio_ssrc, .video = streams.video_ssrc, .repair = streams.repair_ssrc};
}

SendingLimits limits(const StreamOffer& ours, const CallSettings& settings) {
    return {.video = ours.video,
            .audio_bitrate = settings.audio_bitrate,
            .audio_packets = 1000 / settings.audio_block_ms,
            .video_bitrate = settings.video_bitrate,
            .frame_rate = settings.video_frame_rate};
}

}  // namespace

RtpSession::RtpSession(MediaEpochs&& epochs, Senders&& senders, Receivers&& receivers, const StreamOffer& ours,
                       const StreamOffer& theirs, const CallSettings& settings, Random& random, Instant now)
    : epochs_(std::move(epochs)),
      audio_out_(std::move(senders.audio)),
      video_out_(std::move(senders.video)),
      repair_out_(std::move(senders.repair)),
      audio_in_(std::move(receivers.audio)),
      video_in_(std::move(receivers.video)),
      repair_in_(std::move(receivers.repair)),
      theirs_(theirs),
      with_video_(ours.video),
      budget_(ours, limits(ours, settings)),
      arrivals_(std::array{theirs.audio_ssrc, theirs.video_ssrc, theirs.repair_ssrc}),
      traces_(settings.trace_clock),
      cname_(random_cname(random)),
      random_(random),
      start_(now),
      next_report_(now + report_interval / 4),
      last_received_(now) {
    follow_shares();
}

Result<RtpSession::Senders> RtpSession::make_senders(MediaEpochs& epochs, const StreamOffer& ours,
                                                     const CallSettings& settings, Random& random) {
    auto keys = epochs.first_to_send(ssrcs(ours));
    if (!keys) return Failure(keys.error());
    auto audio = AudioSender::create(std::move(keys->audio), ours.audio_ssrc, ours.audio, settings, random);
    if (!audio) return Failure(audio.error());
    auto video = VideoSender::create(std::move(keys->video), ours.video_ssrc, ours.video, settings, random);
    if (!video) return Failure(video.error());
    auto repair = RepairSender::create(std::move(keys->repair), ours.repair_ssrc, random);
    if (!repair) return Failure(repair.error());
    return Senders{.audio = std::move(*audio), .video = std::move(*video), .repair = std::move(*repair)};
}

Result<RtpSession::Receivers> RtpSession::make_receivers(MediaEpochs& epochs, const StreamOffer& theirs,
                                                         const CallSettings& settings) {
    auto keys = epochs.first_to_receive(ssrcs(theirs));
    if (!keys) return Failure(keys.error());
    auto audio = AudioReceiver::create(std::move(keys->audio), theirs.audio_ssrc,
                                       std::chrono::milliseconds(theirs.audio_block_ms), settings.audio_channels);
    if (!audio) return Failure(audio.error());
    const auto pixels =
        static_cast<std::size_t>(settings.video_width) * static_cast<std::size_t>(settings.video_height);
    auto video = VideoReceiver::create(std::move(keys->video), theirs.video_ssrc, pixels);
    if (!video) return Failure(video.error());
    auto repair = RepairReceiver::create(std::move(keys->repair), theirs.repair_ssrc);
    if (!repair) return Failure(repair.error());
    return Receivers{.audio = std::move(*audio), .video = std::move(*video), .repair = std::move(*repair)};
}

Result<std::unique_ptr<RtpSession>> RtpSession::create(MediaEpochs&& epochs, const StreamOffer& ours,
                                                       const StreamOffer& theirs, const CallSettings& settings,
                                                       Random& random, Instant now) {
    auto senders = make_senders(epochs, ours, settings, random);
    if (!senders) return Failure(senders.error());
    auto receivers = make_receivers(epochs, theirs, settings);
    if (!receivers) return Failure(receivers.error());
    return std::unique_ptr<RtpSession>(new RtpSession(std::move(epochs), std::move(*senders), std::move(*receivers),
                                                      ours, theirs, settings, random, now));
}

MediaStreams RtpSession::streams() {
    return {.audio_out = audio_out_.stream,
            .video_out = video_out_.stream,
            .repair_out = repair_out_.stream,
            .audio_in = audio_in_.stream,
            .video_in = video_in_.stream,
            .repair_in = repair_in_.stream};
}

Result<void> RtpSession::agree(crypto::Generation&& generation, MediaEpochs::Side side, Instant now) {
    polled_dry_ = false;
    quiet_until_ = Instant::min();
    return epochs_.agree(std::move(generation), side, streams(), now);
}

Result<void> RtpSession::allow_pictures(const CallSettings& settings) {
    const auto enabled = video_out_.enable(settings);
    if (!enabled) return enabled;
    theirs_.video = with_video_ = true;
    budget_.allow_pictures();
    polled_dry_ = false;
    follow_shares();
    return {};
}

// Are bits scarce? Then sound goes in pairs, for the headers of 10 ms are 46,000 bit/s. With sound alone only when its
// codec has to make do with less: the target knows no more than we could use. Below 400 kbit/s only once a queue has
// shown that the path takes no more.
bool RtpSession::is_narrow(int audio_bitrate) const {
    if (budget_.picture_hold().holds()) return true;
    const double stay = audio_out_.pairs() ? 1.3 : 1;
    const int below = budget_.knows_path() ? 400'000 : 200'000;
    return budget_.expected(budget_.target()) < stay * below &&
           (with_video_ || audio_bitrate < audio_out_.most_bitrate());
}

// Where sound is hardly more than its headers: of how many ms a packet is.
int RtpSession::long_packets() const {
    const int now = audio_out_.packet_ms(), rate = budget_.lasting();
    const auto below = [&](int bound, int ms) { return rate < bound * (now >= ms ? 1.25 : 1); };
    if (!budget_.is_narrow()) return 0;
    return below(below_60_ms, 60) ? 60 : below(below_40_ms, 40) ? 40 : 0;
}

// Between reports of what came, where those take much of the path; none where they come as ever.
Duration RtpSession::feedback_interval() const {
    const int rate = budget_.lasting();
    const Duration told = interval_for(feedback_bits, feedback_share, rate);
    if (budget_.is_narrow()) return told > transport::ArrivalLog::longest_interval ? told : Duration{};
    // While a queue drains they tell the peer of a path that became narrower yet.
    if (budget_.may_double() || !budget_.may_rise() || rate >= slow_path) return {};
    return std::min(interval_for(feedback_bits, slow_feedback_share, rate), slow_feedback_at_most);
}

void RtpSession::follow_shares() {
    quiet_until_ = Instant::min();
    const SendingShares& shares = budget_.shares();
    audio_out_.set_copies(shares.audio_copies);
    audio_out_.set_bitrate(shares.audio_bitrate);
    audio_out_.set_pairs(is_narrow(shares.audio_bitrate));
    audio_out_.set_long(long_packets());
    budget_.set_audio_packets(audio_out_.packets_a_second(), !audio_out_.is_long());
    audio_out_.set_loss(budget_.loss());
    arrivals_.set_least_interval(feedback_interval());
    budget_.set_frame_rate(video_out_.frame_rate());
    if (shares.video_bitrate == 0) return outbox_.leave_out_paced();
    video_out_.set_share(shares.video_bitrate, shares.video_sustained, budget_.unrepaired());
}

Result<void> RtpSession::set_video_maximum(int bits_per_second) {
    const auto allowed = video_out_.check_bitrate(bits_per_second);
    if (!allowed) return allowed;
    budget_.set_video_maximum(bits_per_second);
    follow_shares();
    return {};
}

std::optional<RtpSession::Output> RtpSession::poll(Instant now) {
    polled_ = now;
    const bool due = now >= std::min(quiet_until_, budget_.deadline());
    if (due) look_after(now);
    static_cast<void>(budget_.hold(now));
    add_probe(now);
    if (due) send_feedback(now);
    if (const auto datagram = take_datagram(budget_.may_send(now), now)) return *datagram;
    // Sound first: its turn is a fixed instant, a picture's is when it is complete.
    if (const auto block = audio_in_.next(now, traces_, refused_)) {
        const auto taken = audio_in_.stream.sender_time(RtpTimestamp{block->timestamp});
        if (taken) video_in_.lip_sync.heard(*taken, now);
        audio_in_.set_least_delay(video_in_.lip_sync.sound_wait());
        return *block;
    }
    if (const auto frame = video_in_.next(now, traces_, refused_)) return *frame;
    // A gap given up or a frame refused just now calls for a key frame.
    send_feedback(now);
    if (const auto datagram = take_datagram(budget_.may_send(now), now)) return *datagram;
    budget_.set_waiting(outbox_.has_paced() || outbox_.again_in(now) <= Duration::zero());
    quiet_until_ = std::min({next_report_, arrivals_.deadline(), epochs_.deadline(), video_in_.deadline()});
    polled_dry_ = true;
    return std::nullopt;
}

void RtpSession::look_after(Instant now) {
    const auto keyed = epochs_.poll(streams(), now);
    if (!keyed) ++refused_[keyed.error()];
    if (now >= next_report_) {
        send_reports(now, false);
        const Duration rarely = interval_for(report_bits, reports_share, budget_.lasting());
        next_report_ =
            now + randomised(budget_.is_narrow() ? std::max(report_interval, rarely) : report_interval, random_);
    }
    if (now < budget_.deadline()) return;
    budget_.poll(now);
    follow_shares();
}

Instant RtpSession::deadline() const {
    if (!polled_dry_) return Instant::min();
    const Duration again = outbox_.again_in(polled_);
    const bool paced = outbox_.has_paced() || again <= Duration::zero();
    const Instant departure = paced ? budget_.next(polled_) : never;
    const Instant sound_again = again > Duration::zero() && again != Duration::max() ? polled_ + again : never;
    return std::min({departure, sound_again, next_report_, budget_.deadline(), arrivals_.deadline(), epochs_.deadline(),
                     video_in_.deadline(), audio_in_.deadline()});
}

}  // namespace sotto::call
