// Sound and pictures that were taken together are presented together: when to show a picture, and how much later the
// sound should come. By capture times on the sender's clock, as its sender reports tell them (RFC 3550 §6.4.1).
#pragma once

#include <array>
#include <cstddef>
#include <optional>

#include "sotto/time.h"

namespace sotto::call {

class LipSync {
  public:
    // Nobody sees that much, either way (ITU-R BT.1359-1: detectable from 45 ms of early sound).
    static constexpr Duration tolerance = std::chrono::milliseconds(40);
    static constexpr Duration longest_hold = std::chrono::milliseconds(200);  // of a picture; and of the sound

    // Sound captured then is heard from now on.
    void heard(Duration captured, Instant now);
    // A picture captured then is there: when to show it. At once unless the sound, at its soonest of late, is more than
    // the tolerance behind: what a pause adds to its delay goes again, and pictures need not follow.
    Instant due(Duration captured, Instant now);
    void shown(Duration captured, Instant now);

    // What the sound should wait at least, from its arrival on, for pictures that come later than it does.
    Duration sound_wait() const { return sound_wait_; }
    // By how much pictures are shown later than their sound, smoothed; nothing while there is not both.
    std::optional<Duration> skew(Instant now) const;

  private:
    // From capture to presentation, between two clocks: only differences mean anything.
    struct Delay {
        Duration smoothed{};
        Instant at = Instant::min();
        void add(Duration sample, Instant now);
        bool known(Instant now) const;
    };
    void note_sound(Duration sample, Instant now);

    Delay sound_;
    std::array<Duration, 32> lately_{};  // the sound's delays, by block
    std::size_t blocks_ = 0;
    Delay picture_;   // until shown
    Delay arriving_;  // until they could have been
    Duration sound_wait_{};
};

}  // namespace sotto::call
