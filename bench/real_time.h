// The machine's time as a call's, and a sleep until then.
#pragma once

#include <ctime>

#include "bench/measure.h"
#include "sotto/time.h"

namespace sotto::bench {

// Never near zero, which a trace's stage has that was not passed. Usable as a TraceClock.
inline Instant real_now() {
    static const Clock::time_point origin = Clock::now();
    return Instant(std::chrono::seconds(1000)) + (Clock::now() - origin);
}

inline void sleep_until(Instant until) {
    const Duration left = until - real_now();
    if (left <= Duration{}) return;
    const auto whole = std::chrono::duration_cast<std::chrono::seconds>(left);
    const std::timespec time{.tv_sec = whole.count(), .tv_nsec = (left - whole).count()};
    clock_nanosleep(CLOCK_MONOTONIC, 0, &time, nullptr);
}

}  // namespace sotto::bench
