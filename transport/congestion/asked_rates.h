// What the sender was asked to send of late: of what left since the newest packet that a report told of, by how much a
// queue has grown that nobody could tell us of yet.
#pragma once

#include <array>
#include <cstddef>

#include "sotto/time.h"

namespace sotto::transport {

class AskedRates {
  public:
    void ask(double rate, Instant since) { asked_[next_++ % asked_.size()] = {since, rate}; }  // bit/s
    // Seconds that the queue grew from `newest` to `now` (less than none where it shrank), if `passes` bit/s do.
    double growth(Instant newest, Instant now, double passes) const;

  private:
    struct Asked {
        Instant since{};
        double rate = 0;
    };
    std::array<Asked, 32> asked_{};
    std::size_t next_ = 0;
};

}  // namespace sotto::transport
