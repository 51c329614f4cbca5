#include "call/frame_statistics.h"

#include <algorithm>
#include <numeric>
#include <span>

#include "transport/rtp_clock.h"

namespace sotto::call {
namespace {

constexpr Duration freeze_margin = std::chrono::milliseconds(150);  // freezeCount
constexpr Duration pause = std::chrono::seconds(5);                 // pauseCount
constexpr int frames_that_tell = 15;
constexpr int smoothing = 16;  // frames

}  // namespace

double FrameRate::at(Instant now) const {
    const auto known = std::span(frames_).first(std::min(count_, frames_.size()));
    return static_cast<double>(
        std::ranges::count_if(known, [&](Instant frame) { return now - frame < std::chrono::seconds(1); }));
}

void DecodeLoad::decoded(RtpTimestamp timestamp, Duration took) {
    const auto ticks = static_cast<std::int32_t>(timestamp.value - last_.value);
    last_ = timestamp;
    // Frames left out in between would have taken their time as well.
    if (++frames_ < 2 || ticks <= 0 || ticks > static_cast<std::int32_t>(transport::video_clock) / 2) return;
    const Duration interval = std::chrono::nanoseconds(std::chrono::seconds(1)) * ticks / transport::video_clock;
    const bool first = interval_ == Duration{};
    taken_ = first ? took : taken_ + (took - taken_) / smoothing;
    interval_ = first ? interval : interval_ + (interval - interval_) / smoothing;
}

std::optional<double> DecodeLoad::value() const {
    if (frames_ < frames_that_tell || taken_ <= Duration{} || interval_ <= Duration{}) return std::nullopt;
    return Seconds(taken_) / Seconds(interval_);
}

Duration FrameGaps::mean() const {
    const auto known = std::span(gaps_).first(std::min(count_, gaps_.size()));
    return std::accumulate(known.begin(), known.end(), Duration{}) / static_cast<std::int64_t>(known.size());
}

void FrameGaps::shown(Instant now) {
    if (last_) {
        const Duration gap = now - *last_;
        if (count_ > 0 && gap >= std::max<Duration>(3 * mean(), mean() + freeze_margin)) {
            ++freezes_;
            frozen_ += gap;
        }
        if (gap > pause) {
            ++pauses_;
            paused_ += gap;
        }
        gaps_[count_++ % gaps_.size()] = gap;
        total_ += gap;
        total_squared_ += Seconds(gap).count() * Seconds(gap).count();
    }
    last_ = now;
}

void FrameGaps::add_to(ReceiveStats& stats) const {
    stats.total_inter_frame_delay = total_;
    stats.total_squared_inter_frame_delay = total_squared_;
    stats.freeze_count = freezes_;
    stats.total_freezes_duration = frozen_;
    stats.pause_count = pauses_;
    stats.total_pauses_duration = paused_;
}

}  // namespace sotto::call
