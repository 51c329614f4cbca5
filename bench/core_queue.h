// One core as a queue: jobs come at instants of virtual time, take what was measured, and wait for those before them.
#pragma once

#include <algorithm>

#include "sotto/time.h"

namespace sotto::bench {

class CoreQueue {
  public:
    // Microseconds from when the job came until it is done. Jobs come in order.
    double respond(Instant comes, double takes) {
        const Duration cost(static_cast<std::int64_t>(takes * 1000));
        free_ = std::max(free_, comes) + cost;
        return static_cast<double>((free_ - comes).count()) / 1000;
    }

  private:
    Instant free_ = Instant::min();
};

}  // namespace sotto::bench
