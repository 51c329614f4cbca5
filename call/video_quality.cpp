#include "call/video_quality.h"

#include <algorithm>
#include <array>
#include <chrono>

namespace sotto::call {
namespace {

using namespace std::chrono_literals;

struct Fraction {
    int part, whole;
};
constexpr std::array<Fraction, 7> ladder{{{1, 1}, {3, 4}, {1, 2}, {3, 8}, {1, 4}, {3, 16}, {1, 8}}};
constexpr int shortest_side = 90;

// Measured: with less a frame's quality falls under that of a smaller size of the same bits, or frames are left out.
// 640x360 at 30 frames/s goes on down to 207 kbit/s.
constexpr double bits_per_pixel = 0.03;
constexpr double slow_under = 60000;  // bit/s
constexpr int slow_frame_rate = 15;
constexpr double hysteresis = 1.25;
constexpr double faster_hysteresis = 1.5;  // of the frame rate: twice as many pictures stand longer, sound behind them
constexpr Duration better_after = 4s;

// Two layers cost about 1.3 dB, three 2.4.
constexpr std::array<double, 2> layers_from{0.01, 0.05};  // of packets lost for good: the second and the third
constexpr double layers_hysteresis = 0.4;

constexpr double overload = 0.8, ease_under = 0.35;  // of a frame's time
constexpr int fastest = -12, speed_step = 2;
// A picture of a quarter of the samples leaves time to look for more that is alike: of one quality it takes a tenth
// less bits, and no two differ in size as much.
constexpr int fine_from = 2;  // rung
constexpr int finer_step = 3, finest_speed = -3;
constexpr int frames_that_tell = 15;
constexpr Duration first_ease_wait = 10s, longest_ease_wait = 160s;
constexpr double peer_aim = 0.6;          // of a frame's time: what a size that is new to the peer may take
constexpr Duration peer_looks_back = 2s;  // two of its reports, and the way

int even_part(int size, Fraction fraction) { return std::max(16, size * fraction.part / fraction.whole / 2 * 2); }

int layers_for(double unrepaired) {
    return 1 + static_cast<int>(std::ranges::count_if(layers_from, [&](double from) { return unrepaired >= from; }));
}

// Whether `condition` has held for `wait`, `since` being when it began.
bool held(bool condition, Duration wait, Instant& since, Instant now) {
    if (!condition)
        since = never;
    else if (since == never)
        since = now;
    return condition && now - since >= wait;
}

}  // namespace

VideoAdaptation::VideoAdaptation(const VideoQuality& captured)
    : captured_(captured), present_(captured), ease_wait_(first_ease_wait) {
    const int side = std::min(captured.width, captured.height);
    while (rungs_ < static_cast<int>(ladder.size()) &&
           even_part(side, ladder[static_cast<std::size_t>(rungs_)]) >= shortest_side) {
        ++rungs_;
    }
}

void VideoAdaptation::encoded(Duration took) {
    ++timed_;
    encode_time_ = timed_ == 1 ? took : encode_time_ + (took - encode_time_) / 16;
}

double VideoAdaptation::load() const {
    if (timed_ < frames_that_tell) return 0;
    return std::chrono::duration<double>(encode_time_).count() * present_.frame_rate;
}

const VideoQuality& VideoAdaptation::choose(int bitrate, double unrepaired, Instant now) {
    follow_path(bitrate, now);
    follow_loss(unrepaired, now);
    follow_device(now);
    const int width = present_.width;
    apply();
    if (present_.width != width) sized_ = now;
    return present_;
}

// The best that the bit rate does justice to. Fewer frames do not make the pictures larger.
VideoAdaptation::Level VideoAdaptation::level_for(double bitrate) const {
    const auto rung_for = [&](double rate, int frame_rate) {
        int rung = 0;
        const auto enough = [&](Fraction size) {
            const double pixels =
                static_cast<double>(even_part(captured_.width, size)) * even_part(captured_.height, size) * frame_rate;
            return rate >= bits_per_pixel * pixels;
        };
        while (rung + 1 < rungs_ && !enough(ladder[static_cast<std::size_t>(rung)])) ++rung;
        return rung;
    };
    if (bitrate >= slow_under || captured_.frame_rate <= slow_frame_rate) {
        return {.rung = rung_for(bitrate, captured_.frame_rate)};
    }
    return {.rung = std::max(rung_for(bitrate, slow_frame_rate), rung_for(slow_under, captured_.frame_rate)),
            .slow = true};
}

void VideoAdaptation::follow_path(int bitrate, Instant now) {
    if (bitrate != judged_) {
        judged_ = bitrate;
        bearable_ = level_for(bitrate);
        comfortable_ = level_for(bitrate / hysteresis);
        stays_slow_ = level_for(bitrate / faster_hysteresis).slow;
    }
    if (!begun_) level_ = bearable_;
    begun_ = true;
    // Another frame rate costs no key frame, so it comes back at once.
    level_ = {.rung = std::max(level_.rung, bearable_.rung), .slow = bearable_.slow || (level_.slow && stays_slow_)};
    const Level better{.rung = std::min(level_.rung, comfortable_.rung), .slow = level_.slow};
    if (!held(better != level_, better_after, better_since_, now)) return;
    level_ = better;
    better_since_ = never;
}

void VideoAdaptation::follow_loss(double unrepaired, Instant now) {
    present_.layers = std::max(present_.layers, layers_for(unrepaired));
    const int fewer = layers_for(unrepaired / layers_hysteresis);
    if (!held(fewer < present_.layers, better_after, fewer_layers_since_, now)) return;
    present_.layers = fewer;
    fewer_layers_since_ = never;
}

double VideoAdaptation::pixels(int rung) const {
    const Fraction size = ladder[static_cast<std::size_t>(rung)];
    return static_cast<double>(even_part(captured_.width, size)) * even_part(captured_.height, size);
}

// Decoding takes about as long as there are pixels, so the size that fits is known at once; no speed of ours helps.
void VideoAdaptation::peer_decoded(double load, Instant now) {
    if (sized_ != Instant::min() && now - sized_ < peer_looks_back) return;
    const int rung = present_rung();
    const auto fits = [&](int other) { return load * pixels(other) / pixels(rung) <= peer_aim; };
    if (load > overload) {
        peer_rung_ = rung;
        while (peer_rung_ + 1 < rungs_ && !fits(peer_rung_)) ++peer_rung_;
    }
    const bool can_ease = load > 0 && peer_rung_ > 0 && rung == peer_rung_ && fits(peer_rung_ - 1);
    if (!held(can_ease, first_ease_wait, peer_eased_since_, now)) return;
    --peer_rung_;
    peer_eased_since_ = never;
}

int VideoAdaptation::speeds() const { return std::max(0, (captured_.cpu_used - fastest) / speed_step); }

// A step that was taken back in vain is tried again ever more rarely.
void VideoAdaptation::follow_device(Instant now) {
    const double present_load = load();
    const bool can_ease = present_load > 0 && present_load < ease_under && relief_ > 0;
    if (present_load > overload && relief_ < speeds() + rungs_ - 1 - level_.rung) {
        ++relief_;
        if (eased_) ease_wait_ = std::min(ease_wait_ * 2, longest_ease_wait);
        eased_ = false;
    } else if (held(can_ease, ease_wait_, eased_since_, now)) {
        --relief_;
        eased_ = true;
    } else {
        return;
    }
    eased_since_ = never;
    timed_ = 0;
}

QualityLimitationReason VideoAdaptation::limitation() const {
    if (level_.rung > 0 || level_.slow) return QualityLimitationReason::bandwidth;
    return relief_ > speeds() || peer_rung_ > 0 ? QualityLimitationReason::cpu : QualityLimitationReason::none;
}

int VideoAdaptation::present_rung() const {
    const int faster = std::min(relief_, speeds());
    return std::min(std::max(level_.rung + relief_ - faster, peer_rung_), rungs_ - 1);
}

void VideoAdaptation::apply() {
    const int faster = std::min(relief_, speeds());
    const int rung = present_rung();
    present_.width = even_part(captured_.width, ladder[static_cast<std::size_t>(rung)]);
    present_.height = even_part(captured_.height, ladder[static_cast<std::size_t>(rung)]);
    present_.frame_rate = level_.slow ? slow_frame_rate : captured_.frame_rate;
    const int finer = std::max(captured_.cpu_used, std::min(captured_.cpu_used + finer_step, finest_speed));
    const bool fine = level_.rung >= fine_from && relief_ == 0;
    present_.cpu_used = fine ? finer : captured_.cpu_used - speed_step * faster;
}

}  // namespace sotto::call
