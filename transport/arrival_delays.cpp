#include "transport/arrival_delays.h"

#include <algorithm>
#include <span>

namespace sotto::transport {
namespace {

using std::chrono::milliseconds;

constexpr Duration window = milliseconds(640);             // before and after a block, whose least delay is its line
constexpr Duration forgetting = std::chrono::seconds(10);  // in which a delay is forgotten to 1/e
constexpr Duration forgetting_losses = std::chrono::seconds(60);
// A call begins as if it had been calm for so long: the queue that its start fills tells little of what comes.
constexpr Duration calm_before = std::chrono::seconds(5);
// What we give for a block in time: one of 10 ms more in a hundred concealed while its packet is waited for is worth
// 25 ms of delay, for a pause is heard less than a gap, and sound that is stretched in time mostly makes none. One that
// a copy brings is a gap of its own: 200 ms.
constexpr double late_price = 250;  // blocks
constexpr double lost_price_ms = 20000;
constexpr std::int64_t shortening = 4;  // blocks, in which sound is shortened by one
// The line that a block is judged by is one of the lines by which it might be played: the others are so much earlier.
constexpr Duration spread = milliseconds(1);
constexpr Duration lately = std::chrono::seconds(1);
constexpr Duration recent = milliseconds(320);
// A sender that copies the block before expects loss: until 100 blocks have shown more, one of them was brought so.
constexpr std::int64_t expected_of = 100;
// A share that is smaller tells nothing, and processors are slow with the smallest that there are.
constexpr float least_share = 1e-20F;

}  // namespace

ArrivalDelays::ArrivalDelays(Duration block, Duration maximum)
    : block_(block), maximum_(maximum), half_(window / block), arrivals_(static_cast<std::size_t>(2 * half_ + 1)) {
    brought_[1] = 1.0 / static_cast<double>(expected_of);
    brought_[0] = 1 - brought_[1];
    carried_.fill(never_carried);
    carried_[0] = 0;
    weigh();
}

std::size_t ArrivalDelays::bin(Duration margin) {
    return static_cast<std::size_t>(std::clamp<std::int64_t>(margin / milliseconds(1), 0, bins));
}

Instant ArrivalDelays::least(std::int64_t from, std::int64_t to) const {
    Instant least = never;
    for (std::int64_t i = std::max<std::int64_t>(from, 0); i <= to;) {
        const auto ring = std::span(arrivals_).subspan(static_cast<std::size_t>(i) % arrivals_.size());
        const auto in_a_row = ring.first(std::min(static_cast<std::size_t>(to - i + 1), ring.size()));
        for (const Arrival& arrival : in_a_row) least = std::min(least, arrival.transit);
        i += static_cast<std::int64_t>(in_a_row.size());
    }
    return least;
}

void ArrivalDelays::note(std::int64_t carrier, std::int64_t back, Instant now) {
    arrivals_[static_cast<std::size_t>(notes_) % arrivals_.size()] = {
        .transit = now - carrier * block_,
        .back = static_cast<std::int32_t>(std::min(back, furthest)),
        .overtaken = carrier < newest_};
    newest_ = std::max(newest_, carrier);
    ++notes_;
    line_ = least(std::max(notes_ - half_, line_from_), notes_ - 1);
    if (notes_ - judged_ > half_) judge(judged_++);
}

void ArrivalDelays::note_copy(std::int64_t carrier, std::int64_t back) {
    if (back > furthest) return;
    const bool known = carried_lately(static_cast<std::size_t>(back));
    carried_[static_cast<std::size_t>(back)] = carrier;
    if (!known) weigh();
}

// A network that changed its delay for good, or a peer that paused, isn't jitter: the later of the lines before and
// after counts.
void ArrivalDelays::judge(std::int64_t note) {
    const Instant line = std::max(least(note - half_, note), least(note, std::min(note + half_, notes_ - 1)));
    const Arrival& judged = arrival(note);
    ++learned_;
    const float weight = 1.0F / static_cast<float>(std::min(learned_ + calm_before / block_, forgetting / block_));
    learn(std::min<Duration>(judged.transit - line, milliseconds(bins)), judged.overtaken, weight);
    const double loss_weight =
        1.0 / static_cast<double>(std::min<std::int64_t>(expected_of + learned_, forgetting_losses / block_));
    for (double& share : brought_) share *= 1 - loss_weight;
    brought_[static_cast<std::size_t>(judged.back)] += loss_weight;
    weigh();
}

// Only margins that it exceeds, or that pauses have added to, change by it: few of them, mostly.
void ArrivalDelays::learn(Duration delay, bool overtaken, float weight) {
    for (float& share : concealed_) {
        share *= 1 - weight;
        share = share < least_share ? 0 : share;
    }
    const std::size_t exceeded = bin(delay + milliseconds(1) - Duration(1));
    const std::size_t end = std::min(std::max(exceeded, paused_), bins);
    paused_ = 0;
    for (std::size_t i = 0; i < end; ++i) {
        concealed_[i] += weight * static_cast<float>(concealed(i, delay, overtaken));
        if (longer_[i] > Duration::zero()) paused_ = i + 1;
    }
}

// How many blocks are concealed for one that comes with such a delay, where play began with that margin: it is waited
// for, which leaves more margin to those behind it until sound has been shortened again. All that a queue holds up is
// waited for once. What later packets overtook isn't waited for.
std::int64_t ArrivalDelays::concealed(std::size_t margin, Duration delay, bool overtaken) {
    Duration& longer = longer_[margin];
    const Duration over = delay - milliseconds(margin) - longer;
    if (over <= Duration::zero()) {
        longer = std::max(Duration::zero(), longer - block_ / shortening);
        return 0;
    }
    if (overtaken) return 1;
    const std::int64_t blocks = (over + block_ - Duration(1)) / block_;
    longer += blocks * block_;
    return blocks;
}

bool ArrivalDelays::carried_lately(std::size_t back) const {
    return *std::ranges::max_element(carried_) - carried_[back] <= lately / block_;
}

// A block from so far back is late by as many blocks, and as late as the packet that brings it.
ArrivalDelays::Lateness ArrivalDelays::lateness(std::size_t margin) const {
    Lateness all;
    if (margin >= bins) return all;
    for (const Origin& origin : std::span(origins_).first(origin_count_)) {
        const float late = origin.share * (margin < origin.lag ? 1 : concealed_[margin - origin.lag]);
        all.late += late;
        all.price += origin.price * late;
    }
    return all;
}

void ArrivalDelays::weigh() {
    const double late_price_ms = late_price * static_cast<double>(block_ / milliseconds(1));
    origin_count_ = 0;
    for (std::size_t back = 0; back < brought_.size(); ++back) {
        if (brought_[back] <= 0 || !carried_lately(back)) continue;
        origins_[origin_count_++] = {
            .share = static_cast<float>(brought_[back]),
            .price = static_cast<float>(back > 0 ? lost_price_ms : late_price_ms),
            .lag = bin(static_cast<std::int64_t>(back) * block_ + (back > 0 ? spread : Duration::zero()))};
    }
    // A margin costs itself at least: one beyond the cheapest cost so far can't be cheaper.
    double cheapest = 1e9;
    for (std::size_t i = 0; i < bins && static_cast<double>(i) < cheapest; ++i) {
        const double cost = static_cast<double>(i) + static_cast<double>(lateness(i).price);
        if (cost < cheapest) cheapest = cost, cheapest_ = milliseconds(i);
    }
    cheapest_ = std::min(cheapest_, maximum_);
}

void ArrivalDelays::restart() {
    while (judged_ < notes_) judge(judged_++);
    longer_ = {};
    paused_ = 0;
    newest_ = -1;
    notes_ = 0;
    line_from_ = 0;
    judged_ = 0;
}

Duration ArrivalDelays::cost(Duration margin) const {
    return margin + std::chrono::microseconds(static_cast<std::int64_t>(lateness(bin(margin)).price * 1000));
}

int ArrivalDelays::late_recently(Duration margin) const {
    int late = 0;
    for (std::int64_t i = std::max<std::int64_t>(0, notes_ - recent / block_); i < notes_; ++i) {
        late += arrival(i).transit + arrival(i).back * block_ - line_ > margin ? 1 : 0;
    }
    return late;
}

}  // namespace sotto::transport
