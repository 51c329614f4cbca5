// The queue that stands on the path: the least one-way delay of late over the least of a longer past.
#pragma once

#include <cstddef>
#include <cstdint>

#include "sotto/time.h"
#include "transport/congestion/windowed_minimum.h"

namespace sotto::transport {

class DelayWindow {
  public:
    // `arrived`: on a clock of another origin, so only differences mean anything; `age`: from when it was sent until
    // its arrival became known, which no queue outlasts; `rate`: bit/s that arrive at present.
    void add(Instant sent, Duration arrived, Duration age, std::size_t bytes, double rate);
    // The least delay of what arrived in the last `recent`, over the least in the last `past`; zero at first. By time
    // of arrival: when the path becomes narrow, what arrives in 100 ms was sent in much less.
    Duration standing(Duration recent, Duration past) const;
    // That least of `past`, on the peer's clock; zero at first.
    Duration base(Duration past) const { return past_.over(past).value_or(Duration{}); }
    // How far delays fall at once, on average of the last intervals: by how much packets that were sent apart arrive
    // together. A queue does not do that, for out of it they come no faster than the bottleneck.
    Duration noise() const { return noise_; }

  private:
    void look_for_fall(Instant sent, Duration arrived, std::size_t bytes, double rate);

    static constexpr Duration interval = std::chrono::milliseconds(100);

    WindowedMinimum<Duration, 128> recent_{std::chrono::milliseconds(10)};
    WindowedMinimum<Duration, 64> past_{std::chrono::seconds(1)};
    Duration newest_ = Duration::min();  // arrival
    // Packets that arrive faster than the bottleneck could send them: when the first was sent and arrived.
    Instant run_sent_{};
    Duration run_arrived_{};
    double run_bits_ = 0;      // after the first
    std::int64_t number_ = 0;  // of the interval that is open
    Duration fall_{};          // the largest in it
    Duration noise_{};
    int intervals_ = 0;  // that it is made of, up to the sixteen that it remembers
};

}  // namespace sotto::transport
