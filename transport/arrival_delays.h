// How late blocks of sound become playable, over the earliest that the network can do: what a play-out delay is chosen
// by.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "sotto/time.h"

namespace sotto::transport {

class ArrivalDelays {
  public:
    ArrivalDelays(Duration block, Duration maximum);

    // Block `number` can be played from `now` on: it, a copy of it or what recovers it has arrived.
    void note(std::int64_t number, Instant now);
    // The numbers jumped or the peer had stopped: what was learned of the delays remains, the line begins anew.
    void restart();

    // The peer may have paused: what comes next tells the line, until it is known what that was.
    void doubt_line() { line_from_ = notes_; }

    // When `number` comes, or came, with the least delay of the last moments. After at least one note().
    Instant earliest(std::int64_t number) const { return line_ + number * block_; }
    // What a margin over that line costs: itself, and the share of the blocks that come too late for it.
    Duration cost(Duration margin) const;
    // The margin that costs least.
    Duration cheapest() const { return cheapest_; }
    // Of the last few blocks, how many came later than that.
    int late_recently(Duration margin) const;
    std::size_t memory() const { return transits_.size() * sizeof(Instant); }

  private:
    static constexpr std::size_t bins = 401;  // of a millisecond; the last holds what is later still
    static constexpr std::size_t recent = 16;

    Instant transit(std::int64_t note) const { return transits_[static_cast<std::size_t>(note) % transits_.size()]; }
    Instant least(std::int64_t from, std::int64_t to) const;
    void judge(std::int64_t note);

    Duration block_;
    Duration maximum_;
    std::int64_t half_;              // notes before and after one, by which it is judged
    std::vector<Instant> transits_;  // arrival less number * block, of the last 2 * half_ + 1 notes
    std::int64_t notes_ = 0;         // since restart()
    std::int64_t judged_ = 0;        // of these
    std::int64_t learned_ = 0;       // in the histogram
    std::int64_t line_from_ = 0;     // the first note that tells it
    Instant line_{};
    std::array<float, bins> share_{};     // of the blocks, by delay
    std::array<float, bins + 1> late_{};  // of the blocks, at least so late
    Duration cheapest_{};
};

}  // namespace sotto::transport
