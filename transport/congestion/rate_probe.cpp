#include "transport/congestion/rate_probe.h"

#include <algorithm>

namespace sotto::transport {
namespace {

constexpr int enough_packets = 4;
constexpr std::size_t largest_datagram = 65'535;

}  // namespace

void RateProbe::take(const PacketResult& result) {
    if (result.sent < at_ || result.sent >= at_ + 2 * length) return;
    if (packets_++ == 0)
        first_ = *result.arrived;
    else
        bytes_ += std::min<std::size_t>(result.size, largest_datagram);
    last_ = *result.arrived;
}

std::optional<double> RateProbe::shown() const {
    if (packets_ < enough_packets) return std::nullopt;
    const double took = std::chrono::duration<double>(std::max<Duration>(last_ - first_, length / 2)).count();
    return std::min<double>(static_cast<double>(bytes_) * 8 / took, rate_);
}

}  // namespace sotto::transport
