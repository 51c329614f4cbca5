#include "transport/congestion/delivery_rate.h"

#include <algorithm>

namespace sotto::transport {

namespace {
constexpr Duration shortest = std::chrono::milliseconds(10);  // what came at once shows no rate
constexpr Duration set_anew = std::chrono::seconds(1);        // a clock that steps back so far
constexpr std::size_t largest_datagram = 65'535;
}  // namespace

void DeliveryRate::add(Duration at, std::size_t bytes) {
    if (count_ > 0) {
        const Duration newest = ring_[(next_ + capacity - 1) % capacity].at;
        if (at < newest - set_anew || at > newest + 60 * set_anew)
            clear();
        else
            at = std::max(at, newest);
    }
    ring_[next_] = {at, std::min(bytes, largest_datagram)};
    next_ = (next_ + 1) % capacity;
    count_ = std::min(count_ + 1, capacity);
}

double DeliveryRate::over(Duration span) const {
    if (count_ < 2) return 0;
    const Passed* first = &ring_[(next_ + capacity - 1) % capacity];
    const Duration newest = first->at;
    double bytes = 0;  // of those after `first`, which opens the interval
    for (std::size_t i = 2; i <= count_; ++i) {
        const Passed* const earlier = &ring_[(next_ + capacity - i) % capacity];
        bytes += static_cast<double>(first->bytes);
        first = earlier;
        if (newest - first->at >= span && i > fewest) break;
    }
    return bytes * 8 / std::chrono::duration<double>(std::max(newest - first->at, shortest)).count();
}

}  // namespace sotto::transport
