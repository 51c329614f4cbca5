// A short burst above the target, and what it shows of the path: the rate at which its packets came through.
#pragma once

#include <cstddef>
#include <optional>

#include "sotto/time.h"
#include "transport/congestion/packet_result.h"

namespace sotto::transport {

class RateProbe {
  public:
    static constexpr Duration length = std::chrono::milliseconds(15);

    RateProbe(Instant at, int rate) : at_(at), rate_(rate) {}  // bit/s

    int rate() const { return rate_; }
    // A packet that arrived; those of before and after are not counted.
    void take(const PacketResult& result);
    // All is told of what is told by the time of a packet sent then.
    bool is_over(Instant newest) const { return newest >= at_ + 2 * length; }
    // bit/s, at most those of the probe; nothing where too few packets were seen.
    std::optional<double> shown() const;

  private:
    Instant at_;
    int rate_;
    Duration first_{}, last_{};  // arrivals
    std::size_t bytes_ = 0;      // after the first
    int packets_ = 0;
};

}  // namespace sotto::transport
