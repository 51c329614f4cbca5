// How late blocks of sound become playable, over the earliest that the network can do: what a play-out delay is chosen
// by. A block is late because its packet was, or because it is lost and a later packet brings it: the first is
// forgotten soon, the second is rarer, and known for longer.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "sotto/time.h"

namespace sotto::transport {

class ArrivalDelays {
  public:
    static constexpr std::int64_t furthest = 8;  // blocks back, from which a packet may still bring one

    ArrivalDelays(Duration block, Duration maximum);

    // The block `back` before `carrier` can be played from `now` on, when that packet arrived: it is its own, or holds
    // a copy of it or what recovers it.
    void note(std::int64_t carrier, std::int64_t back, Instant now);
    // Packets bring blocks from so far back, needed or not. What none has done lately isn't waited for.
    void note_copy(std::int64_t carrier, std::int64_t back);
    // The numbers jumped or the peer had stopped: what was learned of the delays remains, the line begins anew.
    void restart();

    // The peer may have paused: what comes next tells the line, until it is known what that was.
    void doubt_line() { line_from_ = notes_; }

    // When `number` comes, or came, with the least delay of the last moments. After at least one note().
    Instant earliest(std::int64_t number) const { return line_ + number * block_; }
    // The share of the blocks that come later than a margin over that line allows.
    double late(Duration margin) const { return lateness(bin(margin)).late; }
    // Of those whose own packet comes, the share that is concealed while that is waited for.
    double held_up(Duration margin) const { return concealed_[std::min(bin(margin), bins - 1)]; }
    // What a margin costs: itself, and the share of the blocks that come too late for it.
    Duration cost(Duration margin) const;
    // The margin that costs least.
    Duration cheapest() const { return cheapest_; }
    // How late the newest packet came.
    Duration newest() const { return notes_ > 0 ? arrival(notes_ - 1).transit - line_ : Duration::zero(); }
    // Of the last moments' blocks, how many came later than that.
    int late_recently(Duration margin) const;
    std::size_t memory() const { return arrivals_.size() * sizeof(Arrival); }

  private:
    static constexpr std::size_t bins = 401;  // of a millisecond; the last holds what is later still
    static constexpr std::size_t padded_bins = (bins + 7) / 8 * 8;  // whole vectors: even GCC's -O2 makes use of that
    static constexpr std::int64_t never_carried = -(std::int64_t{1} << 40);

    struct Arrival {
        Instant transit{};  // of the packet: arrival less number * block
        std::int32_t back = 0;
        bool overtaken = false;
    };
    // Those of the blocks that packets bring from so far back.
    struct Origin {
        float share = 0;
        float price = 0;  // of one that is late
        std::size_t lag = 0;
    };
    struct Lateness {
        float late = 0;   // share of the blocks
        float price = 0;  // of a margin that is so short
    };

    const Arrival& arrival(std::int64_t note) const {
        return arrivals_[static_cast<std::size_t>(note) % arrivals_.size()];
    }
    static std::size_t bin(Duration margin);
    Instant least(std::int64_t from, std::int64_t to) const;
    void judge(std::int64_t note);
    void learn(Duration delay, bool overtaken, float weight);
    bool carried_lately(std::size_t back) const;
    Lateness lateness(std::size_t margin) const;
    std::int64_t concealed(std::size_t margin, Duration delay, bool overtaken);
    void weigh();

    Duration block_;
    Duration maximum_;
    std::int64_t half_;              // notes before and after one, by which it is judged
    std::vector<Arrival> arrivals_;  // the last 2 * half_ + 1 notes
    std::int64_t notes_ = 0;         // since restart()
    std::int64_t judged_ = 0;        // of these
    std::int64_t learned_ = 0;       // altogether
    std::int64_t newest_ = -1;       // carrier
    std::int64_t line_from_ = 0;     // the first note that tells it
    Instant line_{};
    std::array<float, padded_bins> concealed_{};        // share of the blocks, for their packets, by margin
    std::array<Duration, bins> longer_{};               // what pauses have added to that margin
    std::size_t paused_ = 0;                            // they have added nothing from this margin on
    std::array<double, furthest + 1> brought_{};        // of the blocks, by how many packets later
    std::array<std::int64_t, furthest + 1> carried_{};  // the last packet that brought a block from so far back
    std::array<Origin, furthest + 1> origins_{};        // when weigh() last looked
    std::size_t origin_count_ = 0;
    Duration cheapest_{};
};

}  // namespace sotto::transport
