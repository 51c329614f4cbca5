// Spreads packets over time: a bucket of a couple of packets that refills at the pacing rate.
#pragma once

#include <cstddef>

#include "sotto/time.h"

namespace sotto::transport {

// What to pace at for a target. While no queue stands a frame leaves within a quarter of its interval, for that is the
// delay a receiver sees; a queue that builds asks for smoothness instead. So does a narrow path, where sound would
// stand behind what a frame sends at once, unless the target is still `doubling`: what the path takes isn't known then.
int pacing_rate(int target, Duration queueing_delay, bool doubling = false);

class Pacer {
  public:
    explicit Pacer(int rate) { set_rate(rate); }

    // bit/s, and how many packets may leave together; what is already owed is paid at the new rate.
    void set_rate(int rate, int at_once = 2);
    bool may_send(Instant now) const { return now >= next(now); }
    // Whether packets wait for their turn. The time for which they do counts as theirs, so that a client that comes
    // back late, as timers are, still sends at the pacing rate.
    void set_waiting(bool waiting) { waiting_ = waiting; }
    // Counts what went out, also what did not ask (sound goes first and at once).
    void sent(std::size_t bytes, Instant now);
    // When may_send() turns true; `now` when it is.
    Instant next(Instant now) const;

  private:
    double owed_at(Instant now) const;

    double bytes_per_second_ = 0;
    double largest_burst_ = 0;  // bytes that may leave at once before the last packet
    double owed_ = 0;           // bytes above the bucket at `updated_`; negative: credit
    Instant updated_{};
    bool waiting_ = false;
};

}  // namespace sotto::transport
