#include "transport/congestion/loss_share.h"

#include <algorithm>
#include <cmath>

namespace sotto::transport {

namespace {
constexpr int enough = 100;  // packets from which a share says anything
constexpr double few = 3;    // more that chance may have spared of so few packets (the "rule of three": 95 % of times)
constexpr double allowance = 0.03;
constexpr double deviations = 5;  // the floor is a least of several, so it lies low by one or two
}  // namespace

void LossShare::add(Instant sent, bool lost) {
    const std::int64_t number = sent.time_since_epoch() / width;
    if (number < 0 || number <= newest_ - static_cast<std::int64_t>(buckets)) return;
    Counts& counts = ring_[static_cast<std::size_t>(number) % buckets];
    if (number > newest_) {
        const Counts before = sum();
        newest_ = number;
        if (before.packets >= enough) {
            floors_.add(sent, recent());
            floor_ = floors_.over(std::chrono::seconds(8)).value_or(0);
            known_ = true;
        } else if (before.packets > 0) {
            // Who sends little for long would else keep the floor of a time when a full queue dropped the most.
            floor_ = std::min(floor_, (before.lost + few) / before.packets);
        }
    }
    if (counts.number != number) counts = {.number = number};
    ++counts.packets;
    counts.lost += lost;
    counts.runs += lost && !last_lost_;
    last_lost_ = lost;
}

LossShare::Counts LossShare::sum() const {
    Counts all;
    for (const Counts& c : ring_) {
        if (c.number <= newest_ - static_cast<std::int64_t>(buckets)) continue;
        all.packets += c.packets;
        all.lost += c.lost;
        all.runs += c.runs;
    }
    return all;
}

double LossShare::recent() const {
    const Counts all = sum();
    return all.packets == 0 ? 0 : static_cast<double>(all.lost) / all.packets;
}

bool LossShare::excessive() const {
    const Counts all = sum();
    if (!known_ || all.packets < enough || all.lost == 0) return false;
    const double share = static_cast<double>(all.lost) / all.packets;
    // Losses that come in runs of mean length b vary (2 b - 1) times as much as those that come alone.
    const double runs = 2.0 * all.lost / std::max(all.runs, 1) - 1;
    const double usual = (floor_ + share) / 2;
    const double deviation = std::sqrt(usual * (1 - usual) * runs / all.packets);
    return share > floor_ + allowance + deviations * deviation;
}

void LossShare::accept() {
    floors_.clear();
    floor_ = recent();
}

}  // namespace sotto::transport
