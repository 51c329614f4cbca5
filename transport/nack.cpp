#include "transport/nack.h"

#include <algorithm>

namespace sotto::transport {

void NackTracker::received(std::int64_t extended, Instant now, Duration wait) {
    if (highest_ < 0) {
        highest_ = extended;
        return;
    }
    if (extended <= highest_) {
        Missing* const end = gaps_.data() + count_;
        Missing* const gap = std::lower_bound(gaps_.data(), end, extended,
                                              [](const Missing& m, std::int64_t number) { return m.number < number; });
        if (gap == end || gap->number != extended) return;
        std::copy(gap + 1, end, gap);
        --count_;
        return;
    }
    const auto capacity = static_cast<std::int64_t>(gaps_.size());
    const std::int64_t first_kept = std::max(highest_ + 1, extended - capacity);
    given_up_ += static_cast<std::uint64_t>(first_kept - (highest_ + 1));
    const auto added = static_cast<std::size_t>(extended - first_kept);
    if (count_ + added > gaps_.size()) {
        const std::size_t oldest = count_ + added - gaps_.size();
        std::copy(gaps_.begin() + static_cast<std::ptrdiff_t>(oldest),
                  gaps_.begin() + static_cast<std::ptrdiff_t>(count_), gaps_.begin());
        count_ -= oldest;
        given_up_ += oldest;
    }
    for (std::int64_t number = first_kept; number < extended; ++number) {
        gaps_[count_++] = {.number = number, .due = now + wait};
    }
    highest_ = extended;
}

void NackTracker::forget_before(std::int64_t extended) {
    const auto begin = gaps_.begin();
    const auto end = begin + static_cast<std::ptrdiff_t>(count_);
    const auto first = std::find_if(begin, end, [&](const Missing& m) { return m.number >= extended; });
    if (first == begin) return;
    std::copy(first, end, begin);
    count_ -= static_cast<std::size_t>(first - begin);
}

std::size_t NackTracker::due(Instant now, Duration round_trip, std::span<SequenceNumber, max_nacks> out) {
    std::size_t given = 0;
    std::size_t kept = 0;
    for (std::size_t i = 0; i < count_; ++i) {
        Missing gap = gaps_[i];
        const bool ask = now >= gap.due;
        if (ask && gap.tries >= max_tries) {
            ++given_up_;
            continue;
        }
        if (ask && given < out.size()) {
            out[given++] = SequenceNumber{static_cast<std::uint16_t>(gap.number)};
            gap.due = now + round_trip;
            ++gap.tries;
        }
        gaps_[kept++] = gap;
    }
    count_ = kept;
    return given;
}

Instant NackTracker::deadline() const {
    Instant earliest = never;
    for (std::size_t i = 0; i < count_; ++i) earliest = std::min(earliest, gaps_[i].due);
    return earliest;
}

}  // namespace sotto::transport
