#include "call/lip_sync.h"

#include <algorithm>

namespace sotto::call {
namespace {

using namespace std::chrono_literals;

constexpr Duration held_to = LipSync::tolerance - 4ms;  // the sound's delay is never known to the millisecond
constexpr Duration swing = 5ms;  // of the delay of sound that waits for jitter, which pictures go along with
constexpr int smoothing = 8;     // samples
constexpr int patience = 64;     // blocks of sound, in which it comes to wait as it should
constexpr Duration settled = 10ms;
constexpr Duration stale = 1s;
constexpr Duration leap = 500ms;  // no delay changes that much at once: a stream began anew

}  // namespace

void LipSync::Delay::add(Duration sample, Instant now) {
    const Duration change = sample - smoothed;
    smoothed = known(now) && change < leap && change > -leap ? smoothed + change / smoothing : sample;
    at = now;
}

bool LipSync::Delay::known(Instant now) const { return at != Instant::min() && now - at < stale; }

void LipSync::note_sound(Duration sample, Instant now) {
    const Duration change = sample - sound_.smoothed;
    if (!sound_.known(now) || change >= leap || change <= -leap) lately_.fill(sample);
    lately_[blocks_++ % lately_.size()] = sample;
    sound_.add(sample, now);
}

void LipSync::heard(Duration captured, Instant now) {
    note_sound(now.time_since_epoch() - captured, now);
    if (!arriving_.known(now)) return;
    // A picture never waits longer than it must, nor does the sound: it waits for pictures alone.
    const Duration early = arriving_.smoothed - tolerance - sound_.smoothed;
    if (early > 0ms || early < -settled) {
        sound_wait_ = std::clamp<Duration>(sound_wait_ + early / patience, 0ms, longest_hold);
    }
}

Instant LipSync::due(Duration captured, Instant now) {
    const Duration delay = now.time_since_epoch() - captured;
    arriving_.add(delay, now);
    if (!sound_.known(now)) return now;
    const Duration early = std::min(sound_.smoothed, *std::ranges::min_element(lately_) + swing) - delay;
    return early > tolerance ? now + std::min(early - held_to, longest_hold) : now;
}

void LipSync::shown(Duration captured, Instant now) { picture_.add(now.time_since_epoch() - captured, now); }

std::optional<Duration> LipSync::skew(Instant now) const {
    if (!sound_.known(now) || !picture_.known(now)) return std::nullopt;
    return picture_.smoothed - sound_.smoothed;
}

}  // namespace sotto::call
