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
        const Duration newest = at_[(next_ + capacity - 1) % capacity];
        if (at < newest - set_anew || at > newest + 60 * set_anew)
            clear();
        else
            at = std::max(at, newest);
    }
    at_[next_] = at;
    bytes_[next_] = static_cast<std::uint16_t>(std::min(bytes, largest_datagram));
    next_ = (next_ + 1) % capacity;
    count_ = std::min(count_ + 1, capacity);
}

double DeliveryRate::over(Duration span) const {
    if (count_ < 2) return 0;
    std::size_t first = (next_ + capacity - 1) % capacity;
    const Duration newest = at_[first];
    double bytes = 0;  // of those after `first`, which opens the interval
    for (std::size_t i = 2; i <= count_; ++i) {
        bytes += bytes_[first];
        first = (next_ + capacity - i) % capacity;
        if (newest - at_[first] >= span && i > fewest) break;
    }
    return bytes * 8 / std::chrono::duration<double>(std::max(newest - at_[first], shortest)).count();
}

}  // namespace sotto::transport
