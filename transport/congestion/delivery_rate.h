// How fast bytes passed a point, from the times at which packets did.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "sotto/time.h"

namespace sotto::transport {

// The last packets, ascending by time; one that is older than the newest counts as simultaneous with it.
class DeliveryRate {
  public:
    void add(Duration at, std::size_t bytes);
    // bit/s over the last `span`, or the last few packets where that holds fewer; 0 before there are two.
    double over(Duration span) const;
    void clear() { count_ = 0; }

  private:
    static constexpr std::size_t capacity = 512;  // a second of full packets at 5 Mbit/s; beyond it spans are shorter
    static constexpr std::size_t fewest = 4;

    // Of each packet; side by side they would fill up to a multiple of eight bytes.
    std::array<Duration, capacity> at_{};
    std::array<std::uint16_t, capacity> bytes_{};
    std::size_t next_ = 0;
    std::size_t count_ = 0;
};

}  // namespace sotto::transport
