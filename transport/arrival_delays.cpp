#include "transport/arrival_delays.h"

#include <algorithm>

namespace sotto::transport {
namespace {

using std::chrono::milliseconds;

constexpr Duration window = milliseconds(640);             // before and after a block, whose least delay is its line
constexpr Duration forgetting = std::chrono::seconds(10);  // in which a delay is forgotten to 1/e
// What we give for a block in time: one more in a hundred is worth 30 ms of delay.
constexpr float price_ms = 3000;

}  // namespace

ArrivalDelays::ArrivalDelays(Duration block, Duration maximum)
    : block_(block), maximum_(maximum), half_(window / block), transits_(static_cast<std::size_t>(2 * half_ + 1)) {}

Instant ArrivalDelays::least(std::int64_t from, std::int64_t to) const {
    Instant least = never;
    for (std::int64_t i = std::max<std::int64_t>(from, 0); i <= to; ++i) least = std::min(least, transit(i));
    return least;
}

void ArrivalDelays::note(std::int64_t number, Instant now) {
    transits_[static_cast<std::size_t>(notes_) % transits_.size()] = now - number * block_;
    ++notes_;
    line_ = least(std::max(notes_ - half_, line_from_), notes_ - 1);
    if (notes_ - judged_ > half_) judge(judged_++);
}

// A network that changed its delay for good, or a peer that paused, isn't jitter: the later of the lines before and
// after counts.
void ArrivalDelays::judge(std::int64_t note) {
    const Instant line = std::max(least(note - half_, note), least(note, std::min(note + half_, notes_ - 1)));
    const auto bin = static_cast<std::size_t>((transit(note) - line) / milliseconds(1));
    learned_ = std::min(learned_ + 1, forgetting / block_);
    const float weight = 1.0F / static_cast<float>(learned_);
    for (float& share : share_) share *= 1 - weight;
    share_[std::min(bin, bins - 1)] += weight;

    float cheapest = 1e9F;
    for (std::size_t i = bins; i-- > 0;) {
        late_[i] = late_[i + 1] + share_[i];
        const float cost = static_cast<float>(i) + price_ms * late_[i];
        if (cost <= cheapest) cheapest = cost, cheapest_ = milliseconds(i);
    }
    cheapest_ = std::min(cheapest_, maximum_);
}

void ArrivalDelays::restart() {
    while (judged_ < notes_) judge(judged_++);
    notes_ = 0;
    line_from_ = 0;
    judged_ = 0;
}

Duration ArrivalDelays::cost(Duration margin) const {
    const auto at = std::min<std::int64_t>(margin / milliseconds(1), bins);
    const float late = margin < Duration::zero() ? 1 : late_[static_cast<std::size_t>(at)];
    return margin + std::chrono::microseconds(static_cast<std::int64_t>(price_ms * late * 1000));
}

int ArrivalDelays::late_recently(Duration margin) const {
    int late = 0;
    for (std::int64_t i = std::max<std::int64_t>(0, notes_ - static_cast<std::int64_t>(recent)); i < notes_; ++i) {
        late += transit(i) - line_ > margin ? 1 : 0;
    }
    return late;
}

}  // namespace sotto::transport
