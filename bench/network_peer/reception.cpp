#include "bench/network_peer/reception.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>

#include "apps/sotto/audio_similarity.h"

namespace sotto::bench {
namespace {

constexpr std::size_t judged_every = 5;          // shown pictures: enough of them for a mean
constexpr std::size_t gaps_remembered = 30;      // W3C webrtc-stats, freezeCount
constexpr std::uint32_t far_in_video = 1500;     // ticks of 90 kHz: half a frame
constexpr std::uint32_t far_in_audio = 48000;    // a second
constexpr std::int64_t codec_delay_most = 2880;  // samples; what lag is left is the codec's own
constexpr double nothing = std::numeric_limits<double>::quiet_NaN();

std::size_t place(Medium medium) { return static_cast<std::size_t>(medium); }

double seconds(Seconds time) { return time.count(); }

double processor_seconds() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const auto sum = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    return sum(usage.ru_utime) + sum(usage.ru_stime);
}

// As JavaScript's toFixed() writes it: these keys are strings there.
std::string fixed(double value, int digits) {
    if (std::isnan(value)) return "NaN";
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "%.*f", digits, value);
    return text.data();
}

nlohmann::ordered_json rounded(double value, int digits) {
    if (std::isnan(value)) return nullptr;
    const double scale = std::pow(10.0, digits);
    return std::round(value * scale) / scale;
}

double mean(double sum, double count) { return count > 0 ? sum / count : nothing; }

std::string quantile(const std::vector<double>& sorted, double share) {
    if (sorted.empty()) return "n/a";
    const auto at = static_cast<std::size_t>(static_cast<double>(sorted.size()) * share);
    return fixed(sorted[std::min(at, sorted.size() - 1)], 0);
}

}  // namespace

Freezes freezes(const std::vector<Instant>& shown, const Window& window) {
    Freezes found;
    std::vector<double> gaps;
    const auto take = [&](Instant last, Instant next) {
        const double gap = seconds(next - last);
        double sum = 0;
        const std::size_t known = std::min(gaps.size(), gaps_remembered);
        for (std::size_t i = gaps.size() - known; i < gaps.size(); ++i) sum += gaps[i];
        gaps.push_back(gap);
        if (next <= window.from) return;
        found.longest_gap = std::max(found.longest_gap, gap);
        if (known == 0) return;
        const double usual = sum / static_cast<double>(known);
        if (gap <= std::max(3 * usual, usual + 0.15)) return;
        ++found.count;
        found.seconds += seconds(next - std::max(last, window.from));
    };
    std::optional<Instant> last;
    for (const Instant at : shown) {
        if (at >= window.to) break;
        if (last) take(*last, at);
        last = at;
    }
    if (last) take(*last, window.to);
    if (!last) found = {.count = 1, .seconds = window.seconds(), .longest_gap = window.seconds()};
    return found;
}

void Reception::sent(const SentRecord& record) { sent_[place(record.medium)][record.timestamp] = record; }

void Reception::shown(const ShownFrame& frame, Instant at) {
    const VideoFrame& picture = frame.picture;
    Shown entry{.timestamp = frame.timestamp, .at = at, .width = picture.width, .luma = {}};
    if (window_.holds(at) && shown_.size() % judged_every == 0) {
        Luma luma{.width = picture.width, .height = picture.height, .samples = {}};
        for (std::size_t y = 0; y < static_cast<std::size_t>(picture.height); ++y) {
            const std::uint8_t* const row = picture.planes[0].data + y * picture.planes[0].stride;
            luma.samples.insert(luma.samples.end(), row, row + picture.width);
        }
        entry.luma = std::move(luma);
    }
    shown_.push_back(std::move(entry));
}

void Reception::played(const PlayedBlock& block, Instant at) {
    const auto samples = block.block.samples;
    if (window_.holds(at)) played_.push_back({block.timestamp, at, {samples.begin(), samples.end()}});
}

void Reception::received(const FrameTrace& trace) {
    // A stage that was forgotten, among so many late packets, is zero.
    if (!window_.holds(trace[Stage::decoded]) || trace[Stage::received] == Instant{}) return;
    Waits& waits = waits_[place(trace.medium)];
    waits.buffered += seconds(trace[Stage::dequeued] - trace[Stage::received]);
    waits.decoding += seconds(trace[Stage::decoded] - trace[Stage::dequeued]);
    ++waits.frames;
}

void Reception::stats(const CallStats& stats) { stats_.push_back({stats, processor_seconds()}); }

std::optional<SentRecord> Reception::find(Medium medium, std::uint32_t timestamp) const {
    const auto& sent = sent_[place(medium)];
    if (sent.empty()) return std::nullopt;
    const auto after = sent.upper_bound(timestamp);
    const auto& [nearest, record] = after == sent.begin() ? *sent.rbegin() : *std::prev(after);  // they wrap around
    const std::uint32_t since = timestamp - nearest;
    if (since > (medium == Medium::video ? far_in_video : far_in_audio)) return std::nullopt;
    SentRecord found = record;
    if (medium == Medium::audio) {  // time scaling gives out blocks that begin within a sent one
        found.position += since;
        found.captured += Duration(std::chrono::seconds(since)) / audio_rate;
    }
    return found;
}

std::uint64_t Reception::grown(Medium medium, std::uint64_t ReceiveStats::* counter) const {
    const auto at = [&](const Usage& usage) {
        return (medium == Medium::video ? usage.stats.video_received : usage.stats.audio_received).*counter;
    };
    return at(stats_[1]) - at(stats_[0]);
}

double Reception::rate(Medium medium) const {
    return static_cast<double>(grown(medium, &ReceiveStats::bytes_received)) * 8 / window_.seconds() / 1e3;
}

double Reception::encoding() const {
    double sum = 0, frames = 0;
    for (const auto& [timestamp, record] : sent_[place(Medium::video)]) {
        if (window_.holds(record.captured)) sum += seconds(record.encoding), ++frames;
    }
    return mean(sum, frames) * 1e3;
}

void Reception::judge_pictures(nlohmann::ordered_json& video) const {
    double likeness = 0, error = 0, judged = 0;
    for (const Shown& frame : shown_) {
        const auto record = frame.luma ? find(Medium::video, frame.timestamp) : std::nullopt;
        if (!record) continue;
        const auto source = pictures_.luma(record->position);
        const bool small = frame.luma->width != pictures_.width() || frame.luma->height != pictures_.height();
        const Luma seen = small ? scaled(*frame.luma, pictures_.width(), pictures_.height()) : *frame.luma;
        likeness += ssim(source, seen.samples, pictures_.width(), pictures_.height());
        error += mean_squared_error(source, seen.samples);
        ++judged;
    }
    video["ssim"] = rounded(mean(likeness, judged), 4);
    video["psnr_db"] = judged > 0 ? rounded(psnr(error / judged), 2) : nullptr;
}

nlohmann::ordered_json Reception::video_report() const {
    std::vector<Instant> instants;
    std::vector<double> delays;
    int frames = 0;
    for (const Shown& frame : shown_) {
        instants.push_back(frame.at);
        if (!window_.holds(frame.at)) continue;
        ++frames;
        if (const auto record = find(Medium::video, frame.timestamp)) {
            delays.push_back(seconds(frame.at - record->captured) * 1e3);
        }
    }
    std::ranges::sort(delays);
    const Freezes frozen = freezes(instants, window_);
    const Waits& waits = waits_[place(Medium::video)];
    nlohmann::ordered_json video{
        {"e2e_ms_p50", quantile(delays, 0.5)},
        {"e2e_ms_p95", quantile(delays, 0.95)},
        {"e2e_ms_p99", quantile(delays, 0.99)},
        {"fps", fixed(frames / window_.seconds(), 1)},
        {"width", shown_.empty() ? 0 : shown_.back().width},
        {"kbps", fixed(rate(Medium::video), 0)},
        {"freezes", frozen.count},
        {"freeze_s", fixed(frozen.seconds, 2)},
        {"max_gap_ms", fixed(frozen.longest_gap * 1e3, 0)},
        {"jb_ms", fixed(mean(waits.buffered, waits.frames) * 1e3, 1)},
        {"decode_ms", fixed(mean(waits.decoding, waits.frames) * 1e3, 2)},
        {"nack", grown(Medium::video, &ReceiveStats::nacked)},
        {"pli", grown(Medium::video, &ReceiveStats::pli_count)},
    };
    judge_pictures(video);
    return video;
}

// What was heard lies where its time stamps say, with silence where nothing was played, beside the source's samples.
double Reception::audio_likeness() const {
    if (played_.empty()) return nothing;
    const std::uint32_t first = played_.front().timestamp;
    const auto record = find(Medium::audio, first);
    if (!record) return nothing;
    std::vector<std::int16_t> heard;
    const auto most = static_cast<std::uint64_t>((window_.seconds() + 60) * audio_rate);
    for (const Played& block : played_) {
        const std::uint32_t at = block.timestamp - first;
        if (at > most) continue;  // before the first one, or astray
        heard.resize(std::max(heard.size(), at + block.samples.size()));
        std::ranges::copy(block.samples, heard.begin() + at);
    }
    return app::audio_similarity(speech_.samples(record->position, heard.size()), heard, codec_delay_most).similarity;
}

nlohmann::ordered_json Reception::audio_report() const {
    std::vector<double> delays;
    for (const Played& block : played_) {
        if (const auto record = find(Medium::audio, block.timestamp)) {
            delays.push_back(seconds(block.at - record->captured) * 1e3);
        }
    }
    std::ranges::sort(delays);
    const auto blocks = static_cast<double>(grown(Medium::audio, &ReceiveStats::blocks_played));
    const auto made_up = static_cast<double>(grown(Medium::audio, &ReceiveStats::concealed) -
                                             grown(Medium::audio, &ReceiveStats::recovered));
    const Waits& waits = waits_[place(Medium::audio)];
    return {
        {"jb_ms", fixed(mean(waits.buffered, waits.frames) * 1e3, 1)},
        {"concealed_pct", fixed(mean(100 * made_up, blocks), 2)},
        {"kbps", fixed(rate(Medium::audio), 0)},
        {"mouth_to_ear_ms", delays.empty() ? nlohmann::ordered_json(nullptr) : rounded(delays[delays.size() / 2], 1)},
        {"similarity", rounded(audio_likeness(), 4)},
    };
}

nlohmann::ordered_json Reception::report() const {
    const auto round_trip = stats_[1].stats.current_round_trip_time;
    return {
        {"video", video_report()},
        {"audio", audio_report()},
        {"enc_ms", fixed(encoding(), 2)},
        {"rtt_ms", fixed(round_trip ? seconds(*round_trip) * 1e3 : nothing, 0)},
        {"cpu_pct", rounded((stats_[1].processor - stats_[0].processor) / window_.seconds() * 100, 1)},
    };
}

}  // namespace sotto::bench
