// The queue that stands on the path: the least one-way delay of late over the least of a longer past.
#pragma once

#include <array>
#include <cstddef>
#include <optional>

#include "sotto/time.h"
#include "transport/congestion/windowed_minimum.h"

namespace sotto::transport {

class DelayWindow {
  public:
    // `arrived`: on a clock of another origin, so only differences mean anything; `rate`: bit/s that arrive at present.
    void add(Instant sent, Duration arrived, std::size_t bytes, double rate);
    // The least delay of what was sent in the last `recent`, over the least in the last `past`; zero at first.
    Duration standing(Duration recent, Duration past) const;
    // How much the least delay of 100 ms strays from a straight line where packets that were sent apart came at once:
    // what jitter, and not a queue, does to it, for out of a queue they come no faster than the bottleneck.
    Duration noise() const { return noise_; }

  private:
    struct Packet {
        Duration sent{}, arrived{};
        std::size_t bytes = 0;
    };
    void look_for_bunch(const Packet& packet, double rate);
    void close_interval();

    static constexpr Duration interval = std::chrono::milliseconds(100);

    WindowedMinimum<Duration, 128> recent_{std::chrono::milliseconds(10)};
    WindowedMinimum<Duration, 64> past_{std::chrono::seconds(1)};
    std::array<Packet, 4> last_packets_{};
    std::size_t packets_ = 0;
    bool bunched_ = false;  // in the interval that is open, or the one before
    bool was_bunched_ = false;
    std::int64_t number_ = 0;        // of the interval that is open
    std::optional<Duration> least_;  // in it
    std::optional<Duration> last_;   // in the one before
    std::optional<Duration> slope_;  // between the two before
    Duration noise_{};
    int intervals_ = 0;  // that it is made of, up to the sixteen that it remembers
};

}  // namespace sotto::transport
