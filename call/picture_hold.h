// Whether pictures wait for a report that is overdue, for it may stand in a queue with the sound: then a picture now
// and then is all that should be sent beside that. docs/congestion.md.
#pragma once

#include <cstddef>

#include "transport/congestion/rate_controller.h"
#include "transport/congestion/way_back.h"

namespace sotto::call {

// bit/s, for sound and the least pictures there are: where less passes there should be none.
inline constexpr int least_with_pictures = 50'000;

class PictureHold {
  public:
    // A packet of the peer's sound has come.
    void heard(RtpTimestamp until, Instant now) { way_back_.heard(until, now); }
    // Any packet of the peer's has, after heard(). True: the way back has become narrow by now.
    bool came(std::size_t bytes, Instant now);
    // As of the newest packet.
    bool way_back_narrowed() const { return way_back_.narrowed(); }
    // `jitters`: delays vary so much that a packet that comes late tells of no queue. True: something has changed.
    bool follow(const transport::RateController& path, bool jitters, Instant now);

    bool holds() const { return held_; }
    // What passes is too little for any picture.
    bool holds_all() const { return held_ && passes_ < least_with_pictures; }
    int rate() const { return rate_; }      // bit/s, to send as long as it holds
    int passes() const { return passes_; }  // bit/s, that the path is thought to take meanwhile
    // Between two pictures, as long as it does.
    Duration interval() const;
    // bit/s, that passed on the way back when it became narrow.
    int narrow_rate() const { return narrow_rate_; }
    // The way back has become too narrow for pictures, and what is known of the way there is no more than that.
    bool narrow_alike(const transport::RateController& path, Instant now) const;

  private:
    bool narrowed_lately(Instant now) const;

    transport::WayBack way_back_;
    bool held_ = false;
    bool queued_back_ = false;  // since it is, sound has come out of a queue
    int rate_ = 0;
    int passes_ = 0;
    int narrow_rate_ = 0;
    Instant narrowed_ = Instant::min();  // last
};

}  // namespace sotto::call
