// Whether a path takes hardly more than sound, and what is different there. docs/congestion.md, "Narrow paths".
#pragma once

#include "sotto/time.h"

namespace sotto::transport {

// Only reports that tell for long of a queue which even the least rate does not empty make a path narrow: what an
// outage, a fall or somebody else's queue leaves of the rate for a moment says nothing of that. All rates are in bit/s.
class NarrowPath {
  public:
    bool is_narrow() const { return narrow_; }

    // So much arrived.
    void passed(double rate);
    // The rate that the path is held to take; beyond a little more than sound the path is narrow no more.
    void holds(double rate);
    // A report came; `low`: it tells of a path that starves us at the least rate.
    void told(bool low, Instant now);
    // Where a queue stands: less arrives in a second than sound takes and than was sent in it. In somebody else's queue
    // about as much would.
    static bool starves(double arrived, double sent);
    // The first packets filled a queue so narrow that most of what reports on them is dropped as well: nothing tells
    // how long it is, nor of most losses. What arrived does, and should be the rate where this is true. `silent`: for
    // how long no report came that could; `proven`: the most that arrived.
    bool begins(Duration silent, Duration round_trip, double proven);

    double least() const;  // rate: less only on a narrow path
    // By how much longer a queue may be at a rate at which a packet alone is one.
    Duration packet(double rate) const;
    double growth(double rate) const;  // times what it is elsewhere
    // What such a queue leaves of the rate: a short one is no reason to leave sound alone, for little may have arrived
    // because little was sent.
    double left(Duration queue, double rate) const;

  private:
    bool narrow_ = false;
    double widest_ = 0;    // rate that ever arrived
    int low_reports_ = 0;  // in a row
    Instant low_since_{};
};

}  // namespace sotto::transport
