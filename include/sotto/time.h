// Time is a parameter: nothing inside the library reads a clock.
#pragma once

#include <chrono>

namespace sotto {

using Duration = std::chrono::nanoseconds;

// A time line that the client chooses; only differences matter. Calls bear steps back. The tag has no now() on purpose.
struct Timeline {
    using duration = Duration;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<Timeline, duration>;
    static constexpr bool is_steady = true;
};

using Instant = Timeline::time_point;

// "Never": a deadline that does not come.
inline constexpr Instant never = Instant::max();

}  // namespace sotto
