// The least of what was seen in the last while, in buckets of time: fixed memory whatever comes.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include "sotto/time.h"

namespace sotto::transport {

template <class T, std::size_t buckets>
class WindowedMinimum {
  public:
    explicit WindowedMinimum(Duration width) : width_(width) {}

    void add(Instant at, T value) {
        const std::int64_t number = at.time_since_epoch() / width_;
        if (number <= newest_ - static_cast<std::int64_t>(buckets)) return;
        Bucket& bucket = ring_[static_cast<std::size_t>(number & mask)];
        bucket = {number, bucket.number == number ? std::min(bucket.least, value) : value};
        newest_ = std::max(newest_, number);
    }
    // Over the newest buckets that make up `span`; nothing where nothing came.
    std::optional<T> over(Duration span) const {
        const std::int64_t count = std::clamp<std::int64_t>(span / width_, 1, buckets);
        std::optional<T> least;
        for (const Bucket& bucket : ring_) {
            if (bucket.number <= newest_ - count || bucket.number > newest_) continue;
            least = least ? std::min(*least, bucket.least) : bucket.least;
        }
        return least;
    }
    void clear() { *this = WindowedMinimum(width_); }

  private:
    static_assert((buckets & (buckets - 1)) == 0, "a power of two");
    static constexpr std::int64_t mask = static_cast<std::int64_t>(buckets) - 1;
    static constexpr std::int64_t none = INT64_MIN / 2;

    struct Bucket {
        std::int64_t number = none;
        T least{};
    };
    Duration width_;
    std::array<Bucket, buckets> ring_{};
    std::int64_t newest_ = none + static_cast<std::int64_t>(buckets);
};

}  // namespace sotto::transport
