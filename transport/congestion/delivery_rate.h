// How fast bytes passed a point, from the times at which packets did.
#pragma once

#include <array>
#include <cstddef>

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

    struct Passed {
        Duration at{};
        std::size_t bytes = 0;
    };
    std::array<Passed, capacity> ring_{};
    std::size_t next_ = 0;
    std::size_t count_ = 0;
};

}  // namespace sotto::transport
