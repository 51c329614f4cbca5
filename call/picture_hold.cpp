#include "call/picture_hold.h"

#include <algorithm>

namespace sotto::call {
namespace {

constexpr int most_held = 200'000, least_held = 20'000;  // bit/s: with the sound a fraction of most paths
constexpr double held_share = 0.66;                      // of what passes, as far as that is known
constexpr Duration interval_at_most_held = std::chrono::milliseconds(130);
constexpr Duration lately = std::chrono::seconds(1);

}  // namespace

bool PictureHold::came(std::size_t bytes, Instant now) {
    way_back_.came(bytes, now);
    if (!way_back_.narrowed()) return false;
    narrow_rate_ = static_cast<int>(way_back_.queued_rate());
    narrowed_ = now;
    return true;
}

bool PictureHold::narrowed_lately(Instant now) const { return narrowed_ != Instant::min() && now - narrowed_ < lately; }

bool PictureHold::narrow_alike(const transport::RateController& path, Instant now) const {
    return narrowed_lately(now) && narrow_rate_ < least_with_pictures && path.lasting() < least_with_pictures;
}

bool PictureHold::follow(const transport::RateController& path, bool jitters, Instant now) {
    // A way back that had a queue is clear as soon as the peer sends less, before reports tell how it is on the way
    // there.
    const bool overdue = path.held(now) && (queued_back_ || !way_back_.clear(now));
    queued_back_ = overdue && (queued_back_ || (way_back_.queued() && !jitters));
    const bool held = overdue || path.deep();
    if (!held && !held_) return false;
    // Both ways are likely to have become narrow alike.
    const int unknown = narrowed_lately(now) ? narrow_rate_ : most_held * 2;
    passes_ = overdue ? unknown : path.lasting();
    const int rate = std::clamp(static_cast<int>(passes_ * held_share), least_held, most_held);
    if (held == held_ && (!held || rate == rate_)) return false;
    held_ = held;
    rate_ = rate;
    return true;
}

Duration PictureHold::interval() const {
    if (holds_all()) return Duration::max();
    return interval_at_most_held * most_held / std::max(rate_, 1);
}

}  // namespace sotto::call
