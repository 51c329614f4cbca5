// What a bottleneck takes in all while others fill it, too, told by our own packets: one comes out of the queue after
// the other by the time that its own bits take there, and by that of what others sent in between, which is the more the
// later it was sent.
#pragma once

#include <cstddef>
#include <optional>

#include "sotto/time.h"

namespace sotto::transport {

class SharedWidth {
  public:
    // One that waited, in the order sent. `arrived`: on a clock of another origin.
    void add(Instant sent, Duration arrived, std::size_t bytes);
    // One did not, or nobody knows: the next follows none.
    void interrupt() { begun_ = false; }
    // bit/s of all who share it, where enough packets waited of late, and as many deviations tell it from none.
    std::optional<double> passes(double deviations = 4) const;

  private:
    bool begun_ = false;
    Instant sent_{};      // the last one
    Duration arrived_{};  // when
    double count_ = 0;    // that followed another; this and the sums fade
    // Weighted, of the kbits of each, and the seconds after the last one at which it was sent and came.
    double bits_bits_ = 0, bits_sent_ = 0, sent_sent_ = 0, bits_came_ = 0, sent_came_ = 0, came_came_ = 0;
};

}  // namespace sotto::transport
