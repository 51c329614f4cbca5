// A client's clock may be set back, and nothing in a call can wait for times that passed already: its own time only
// goes on, ahead of the client's from then on.
#pragma once

#include <algorithm>

#include "sotto/time.h"

namespace sotto::call {

class SteadyTime {
  public:
    explicit SteadyTime(Instant now) : latest_(now) {}

    // The call's time for the client's `now`. Less than longest_step back is two threads' doing, and passed on.
    Instant at(Instant now) {
        if (latest_ - (now + ahead_) > longest_step) ahead_ = latest_ - now;
        latest_ = std::max(latest_, now + ahead_);
        return now + ahead_;
    }
    // For what was captured; by the clock as it was before it was set back, too.
    Instant captured(Instant clients) const {
        const Instant ours = clients + ahead_;
        return ours - latest_ > longest_step ? latest_ : ours;
    }
    Instant clients(Instant ours) const { return ours == never ? never : ours - ahead_; }

    static constexpr Duration longest_step = std::chrono::seconds(1);

  private:
    Instant latest_;
    Duration ahead_{};
};

}  // namespace sotto::call
