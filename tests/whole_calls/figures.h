// What one side of a call saw, in figures.
#pragma once

#include <algorithm>
#include <vector>

#include "sim/side.h"

namespace sotto::test {

inline double in_ms(Duration time) { return std::chrono::duration<double, std::milli>(time).count(); }

// The longest time without a new picture between these two.
inline Duration longest_gap(const Side& side, Instant from, Instant to) {
    Duration longest{};
    Instant last = from;
    for (const Side::Picture& picture : side.pictures) {
        if (picture.at < from || picture.at > to) continue;
        longest = std::max(longest, picture.at - last);
        last = picture.at;
    }
    return std::max(longest, to - last);
}

inline int pictures_in(const Side& side, Instant from, Instant to) {
    return static_cast<int>(std::ranges::count_if(
        side.pictures, [&](const auto& picture) { return picture.at >= from && picture.at < to; }));
}

// The first picture shown from then on; `never` if there is none.
inline Instant first_picture(const Side& side, Instant from) {
    const auto found = std::ranges::find_if(side.pictures, [&](const auto& picture) { return picture.at >= from; });
    return found == side.pictures.end() ? never : found->at;
}

// How much later than the quickest of the whole call pictures were shown, ascending: what stood in queues and waited
// for repair. Time stamps are of 90 kHz and wrap; steps between pictures are far below half their range.
inline std::vector<Duration> delays(const Side& side, Instant from, Instant to) {
    std::vector<Duration> all, some;
    Duration captured{};
    for (std::size_t i = 0; i < side.pictures.size(); ++i) {
        const Side::Picture& picture = side.pictures[i];
        if (i > 0) {
            const auto step = static_cast<std::int32_t>(picture.timestamp - side.pictures[i - 1].timestamp);
            captured += Duration(std::int64_t{step} * 1'000'000 / 90);
        }
        all.push_back(picture.at.time_since_epoch() - captured);
        if (picture.at >= from && picture.at < to) some.push_back(all.back());
    }
    if (some.empty()) return some;
    const Duration least = *std::ranges::min_element(all);
    for (Duration& delay : some) delay -= least;
    std::ranges::sort(some);
    return some;
}

// Of values in ascending order; 0 of none.
inline Duration quantile(const std::vector<Duration>& sorted, double share) {
    if (sorted.empty()) return {};
    return sorted[std::min(static_cast<std::size_t>(share * static_cast<double>(sorted.size())), sorted.size() - 1)];
}

struct Freezes {
    int count = 0;
    Duration total{};
};

// W3C webrtc-stats, freezeCount: a picture stands longer than three times, and 150 ms more than, the mean of the
// last 30.
inline Freezes freezes(const Side& side, Instant from, Instant to) {
    Freezes freezes;
    std::vector<Duration> gaps;
    for (std::size_t i = 1; i < side.pictures.size(); ++i) {
        const Duration gap = side.pictures[i].at - side.pictures[i - 1].at;
        if (!gaps.empty() && side.pictures[i].at >= from && side.pictures[i].at < to) {
            const auto first = gaps.end() - std::min<std::ptrdiff_t>(std::ssize(gaps), 30);
            Duration sum{};
            for (auto g = first; g != gaps.end(); ++g) sum += *g;
            const Duration mean = sum / (gaps.end() - first);
            if (gap > std::max<Duration>(3 * mean, mean + std::chrono::milliseconds(150))) {
                ++freezes.count;
                freezes.total += gap;
            }
        }
        gaps.push_back(gap);
    }
    return freezes;
}

}  // namespace sotto::test
