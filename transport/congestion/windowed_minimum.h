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
        if (number > newest_) {
            newest_ = number;
            known_ = false;
        } else if (known_) {
            least_ = least_ ? std::min(*least_, value) : value;
        }
    }
    // Over the newest buckets that make up `span`; nothing where nothing came.
    std::optional<T> over(Duration span) const {
        const std::int64_t count = std::clamp<std::int64_t>(span / width_, 1, buckets);
        if (count < static_cast<std::int64_t>(buckets)) return scan(count);
        if (!known_) {
            least_ = scan(count);
            known_ = true;
        }
        return least_;
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
    std::optional<T> scan(std::int64_t count) const {
        std::optional<T> least;
        for (std::int64_t number = newest_ - count + 1; number <= newest_; ++number) {
            const Bucket& bucket = ring_[static_cast<std::size_t>(number & mask)];
            if (bucket.number == number) least = least ? std::min(*least, bucket.least) : bucket.least;
        }
        return least;
    }

    Duration width_;
    std::array<Bucket, buckets> ring_{};
    std::int64_t newest_ = none + static_cast<std::int64_t>(buckets);
    // Over all buckets, which is asked for at every packet: looked for once a bucket.
    mutable std::optional<T> least_;
    mutable bool known_ = false;
};

}  // namespace sotto::transport
