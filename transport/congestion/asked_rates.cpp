#include "transport/congestion/asked_rates.h"

#include <algorithm>

namespace sotto::transport {

double AskedRates::growth(Instant newest, Instant now, double passes) const {
    double grown = 0;
    Instant end = now;
    for (std::size_t i = 1; i <= asked_.size() && end > newest; ++i) {
        const Asked& asked = asked_[(next_ - i) % asked_.size()];
        const Instant from = std::max(asked.since, newest);
        if (from >= end) continue;
        const Duration length = std::min<Duration>(end - from, std::chrono::seconds(1));
        grown += std::chrono::duration<double>(length).count() * (asked.rate / passes - 1);
        end = from;
    }
    return grown;
}

}  // namespace sotto::transport
