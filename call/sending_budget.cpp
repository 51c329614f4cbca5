#include "call/sending_budget.h"

#include <algorithm>
#include <cmath>

#include "transport/rtp.h"

namespace sotto::call {
namespace {

constexpr int packet_overhead =
    static_cast<int>(transport::rtp_header_size + transport::srtp_tag_size + transport::srtp_mki_size);  // bytes
constexpr int most_reports = 8'000;     // bit/s for RTCP
constexpr double reports_share = 0.15;  // at most
constexpr int start_rate = 100'000;     // bit/s, before the path has shown what it takes
constexpr int usual_rate = 300'000;     // bit/s, that most paths take at least
constexpr int first_pace = 1'200'000;   // bit/s, of the few packets by which it does
constexpr int least_rate = 14'000;      // narrowband speech in packets of 60 ms, and reports
constexpr int good_audio = 16'000;      // wideband speech (RFC 6716 §2.1.1)
constexpr int least_audio = 8'000;      // narrowband speech: intelligible
constexpr int least_video = 20'000;     // below that there are no pictures worth sending
// Nothing brings pictures back that nobody tells of: they stop only while the sound, which goes on, is told of, and go
// on at this rate if it is not.
constexpr Duration forgotten_after = std::chrono::seconds(1);
constexpr int untold_rate = 40'000;   // bit/s
constexpr double unlimited = 1e9;     // packets
constexpr double audio_share = 0.45;  // of everything, before sound makes do with less
// bit/s from which sound may leave two, three and four times, of which it takes a fifth with all headers; and the share
// of that below which it may no more.
constexpr std::array wide{1'000'000, 1'300'000, 1'600'000};
constexpr double hardly_wide = 0.7;
constexpr Duration jittery = std::chrono::milliseconds(6);
constexpr double repair_reserve = 1.35;     // of the video's maximum, with its repair
constexpr double unrepaired_frames = 0.01;  // share that has to wait for a retransmission
constexpr double heavy_loss = 0.2;          // where retransmissions get lost, too

constexpr int narrow = 100'000;  // bit/s: of a report each 25 ms a third is dropped with what fills the queue

constexpr Duration no_queue = std::chrono::milliseconds(5);
constexpr int most_at_once = 10;  // packets where all passes, as TCP begins with (RFC 6928 §2)

constexpr int hardly_slow = 60'000, slow = 250'000;  // bit/s: a packet of a picture is 40 ms or more

constexpr double smoothing = 0.02;  // of a feedback in the share of what was asked for again

int audio_cost(int bitrate, int copies, int packets) {
    return bitrate * (1 + copies) + (packet_overhead + (copies > 0 ? 1 + 4 * copies : 0)) * 8 * packets;
}

std::array<Ssrc, transport::max_feedback_streams> ssrcs_of(const StreamOffer& streams) {
    return {streams.audio_ssrc, streams.video_ssrc, streams.repair_ssrc};
}

}  // namespace

SendingBudget::SendingBudget(const StreamOffer& ours, const SendingLimits& limits)
    : limits_(limits),
      audio_ssrc_(ours.audio_ssrc),
      video_ssrc_(ours.video_ssrc),
      log_(ssrcs_of(ours)),
      losses_(ours.audio_ssrc),
      rate_({.minimum = least_rate, .start = start_rate}),
      pacer_(rate_.target()) {
    rate_.set_maximum(wanted());
    split();
}

// Everything that we could make use of.
int SendingBudget::wanted() const {
    const int audio = audio_cost(limits_.audio_bitrate, AudioCopies::most, limits_.audio_packets);
    const int video = limits_.video ? static_cast<int>(limits_.video_bitrate * repair_reserve) : 0;
    return audio + video + most_reports;
}

void SendingBudget::set_video_maximum(int bits_per_second) {
    limits_.video_bitrate = bits_per_second;
    rate_.set_maximum(wanted());
    split();
}

void SendingBudget::set_audio_packets(int packets, bool copies) {
    if ((packets == limits_.audio_packets && copies == may_copy_) || packets == 0) return;
    limits_.audio_packets = packets;
    may_copy_ = copies;
    rate_.set_maximum(wanted());
    split();
}

void SendingBudget::set_frame_rate(int frame_rate) {
    if (frame_rate == limits_.frame_rate || frame_rate <= 0) return;
    limits_.frame_rate = frame_rate;
    split();
}

void SendingBudget::allow_pictures() {
    limits_.video = true;
    rate_.set_maximum(wanted());
    split();
}

void SendingBudget::sent_rtp(Ssrc ssrc, SequenceNumber number, std::size_t bytes, Instant now) {
    rate_.sent(now);
    log_.sent(ssrc, number, bytes, now);
    if (ssrc == audio_ssrc_) losses_.sent(number);
}

void SendingBudget::feedback(const transport::CongestionFeedback& told, Instant now,
                             std::optional<Duration> round_trip) {
    now_ = now;
    const auto results = log_.results(told, now);
    const auto is_sound = [this](const auto& result) { return result.ssrc == audio_ssrc_; };
    if (std::ranges::any_of(results, is_sound)) {
        if (last_told_ && now - *last_told_ >= forgotten_after) told_since_ = now;
        last_told_ = now;
    }
    dropped_.reset();
    results_ = results;
    round_trip_ = round_trip.value_or(log_.round_trip().value_or(round_trip_));
    if (!results.empty()) {
        const double share = static_cast<double>(asked_) / static_cast<double>(results.size());
        unrepaired_ += (std::min(share, 1.0) - unrepaired_) * smoothing;
        asked_ = 0;
        const bool overfull = rate_.overfull();
        rate_.feedback(results, now, round_trip_);
        if (overfull || rate_.overfull()) {
            for (const transport::PacketResult& result : results) {
                if (result.ssrc == video_ssrc_ && !result.arrived) dropped_ = result.sent;
            }
        }
        // What a full queue drops is met by sending less, not by sending more.
        if (rate_.mode() == transport::RateController::Mode::climbing) losses_.told(results, log_.undecided());
    }
    split();
}

void SendingBudget::poll(Instant now) {
    if (now < rate_.deadline()) return;
    now_ = now;
    rate_.poll(now);
    log_.expire(now);
    split();
}

void SendingBudget::split() {
    told_ = last_told_ && now_ - *last_told_ < forgotten_after;
    const int target = allowed();
    pace();
    width_.follow(rate_, told_ && now_ - told_since_ >= forgotten_after, now_);
    follow_times();
    const bool alike = hold_.narrow_alike(rate_, now_);
    const bool pictures = limits_.video && !(width_.too_narrow() && told_) && !alike;
    // Sound first: less of its codec's rate before fewer copies, for a lost block is worse than a dull one. Wideband
    // speech without copies comes before any picture.
    shares_.audio_copies = may_copy_
                               ? copies_for(losses_.packets(), losses_.blocks(), sound_times_, rate_.drained_lately())
                               : AudioCopies{};
    shares_.audio_bitrate = limits_.audio_bitrate;
    int& copies = shares_.audio_copies.count;
    const auto cost = [&] { return audio_cost(shares_.audio_bitrate, copies, limits_.audio_packets); };
    const int speech = std::min(audio_cost(good_audio, 0, limits_.audio_packets), target);
    const int alone = limits_.video || width_.too_narrow() ? target - reports() : target;
    int most = pictures ? std::max(static_cast<int>(target * audio_share), speech) : alone;
    if (hold_.holds_all()) most = std::min(most, hold_.passes());
    if (alike) most = std::min(most, hold_.narrow_rate());
    const auto lower_to = [&](int least) {
        while (cost() > most && shares_.audio_bitrate > least) {
            shares_.audio_bitrate = std::max(least, shares_.audio_bitrate - 2'000);
        }
    };
    lower_to(good_audio);
    while (cost() > most && copies > 0) --copies;
    lower_to(least_audio);

    const auto cost_of = [&](const AudioCopies& some) {
        return audio_cost(shares_.audio_bitrate, some.count, limits_.audio_packets);
    };
    const AudioCopies& all = shares_.audio_copies;
    const int sound = all.times > 1 ? cost_of(all.first()) + (all.times - 1) * cost_of(all.again()) : cost();
    const int rest = target - sound - reports();
    shares_.video_bitrate = pictures ? video_share(rest) : 0;
    most_parity_ = shares_.video_bitrate > least_video ? unlimited : repair_share(rest);
    shares_.video_sustained = pictures ? video_share(expected(rate_.sustained()) - sound - reports()) : 0;
}

// How often sound may leave.
void SendingBudget::follow_times() {
    int times = 1;
    for (const int rate : wide) {
        if (allowed() >= (sound_times_ > times ? hardly_wide : 1) * rate) ++times;
    }
    // Where jitter has blocks wait for longer than copies in the next packets take, those cost fewer bits.
    sound_times_ = jitters() ? std::min(times, 2) : times;
}

int SendingBudget::reports() const { return std::min(most_reports, static_cast<int>(allowed() * reports_share)); }

// The size of pictures and of packets of sound would change twice if it followed the first careful moment.
int SendingBudget::expected(int rate) const { return rate_.looks() ? std::max(rate, usual_rate) : rate; }

int SendingBudget::allowed() const { return told_ ? rate_.target() : std::max(rate_.target(), untold_rate); }

void SendingBudget::pace() {
    int rate = transport::pacing_rate(allowed(), rate_.queueing_delay(), rate_.may_double());
    // What a queue has shown that a slow path takes: more at once would only stand there, with the sound behind it.
    if (knows_path() && rate_.lasting() > hardly_slow && rate_.lasting() < slow) {
        rate = std::min(rate, std::max(rate_.lasting() * 9 / 10, allowed() * 5 / 4));
    }
    if (rate_.knows_nothing()) rate = first_pace;
    if (hold_.holds()) return pacer_.set_rate(hold_.rate());
    // A picture is there sooner, and we wake less often for it.
    if (rate_.passes_all() && rate_.queueing_delay() < no_queue) return pacer_.set_rate(rate * 2, most_at_once);
    pacer_.set_rate(rate);
}

void SendingBudget::came(std::size_t bytes, Instant now) {
    if (hold_.came(bytes, now)) rate_.suspect(now, hold_.narrow_rate() < narrow);
}

bool SendingBudget::hold(Instant now) {
    if (hold_.follow(rate_, jitters(), now)) hold_.holds_all() ? split() : pace();
    return hold_.holds();
}

bool SendingBudget::jitters() const { return rate_.jitter() > jittery; }

// What pictures get of that much, headers and repair excluded.
int SendingBudget::video_share(int rest) const {
    const int frame = std::max(rest, least_video) / 8 /
                      limits_.frame_rate;  // bytes that one frame may take, repair and headers included
    const int payload = static_cast<int>(transport::max_media_payload);
    const int packets = std::max((shares_.video_bitrate / 8 / limits_.frame_rate + payload - 1) / payload, 1);
    const int parity = wanted_parity(packets, round_trip_);
    const double repaired = 1.0 + losses_.packets().rate();  // what is asked for again
    const double share = packets / (packets * repaired + parity);
    const int bytes = static_cast<int>(frame * share) - packets * packet_overhead;
    return std::clamp(bytes * 8 * limits_.frame_rate, least_video, limits_.video_bitrate);
}

// What is left beside the least pictures there are, in packets of repair for each of theirs.
double SendingBudget::repair_share(int rest) const {
    const int least = least_video + packet_overhead * 8 * limits_.frame_rate;
    return std::max(0.0, static_cast<double>(rest) / least - 1);
}

Duration SendingBudget::wait_for(std::size_t packets) const {
    const auto bits = static_cast<std::int64_t>(packets * transport::max_datagram * 8);
    return Duration(std::chrono::seconds(1)) * bits / std::max(allowed(), 1);
}

int SendingBudget::parity_for(std::size_t packets, Duration round_trip) const {
    const int count = static_cast<int>(packets);
    return static_cast<int>(std::min<double>(wanted_parity(count, round_trip), std::round(most_parity_ * count)));
}

int SendingBudget::wanted_parity(int packets, Duration round_trip) const {
    if (round_trip < quick && losses_.packets().rate() < heavy_loss) return 0;
    return std::min(losses_.packets().repair_packets(packets, unrepaired_frames), 2 * packets + 4);
}

int SendingBudget::probe_packets(Instant now) {
    if (!limits_.video || width_.too_narrow() || now < probing_until_) return 0;
    const auto rate = rate_.probe(now);
    if (!rate) return 0;
    probing_until_ = now + transport::RateProbe::length;
    pacer_.set_rate(*rate);
    const auto bits = *rate / 1000 * (transport::RateProbe::length / std::chrono::milliseconds(1));
    return static_cast<int>(bits / 8 / static_cast<std::int64_t>(transport::max_datagram)) + 1;
}

}  // namespace sotto::call
