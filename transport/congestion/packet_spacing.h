// What a thin path takes, told by packets that wait for one another there, be it for a moment: they leave it one by
// one, each in the time that its bits take (Keshav 1991, "packet pair").
#pragma once

#include <cstddef>
#include <optional>

#include "sotto/time.h"

namespace sotto::transport {

class PacketSpacing {
  public:
    // In the order sent. `arrived`: on a clock of another origin.
    void add(Instant sent, Duration arrived, std::size_t bytes);
    // bit/s that passed of late, where packets enough waited, and came about so far apart as their sizes say: else it
    // was jitter.
    std::optional<double> passes() const;
    // A large packet came right behind another: the path takes this many bit/s at least. 0 if none ever did.
    double shown() const { return shown_; }

  private:
    void fade(Duration passed);

    bool begun_ = false;
    Duration least_{};     // from sent to arrived
    Duration previous_{};  // arrival
    // Of the packets that waited, each behind another, of late:
    double bits_ = 0;
    double busy_ = 0;    // seconds from arrival to arrival
    double waited_ = 0;  // how many
    double odd_ = 0;     // that came much faster than all
    double shown_ = 0;
};

}  // namespace sotto::transport
