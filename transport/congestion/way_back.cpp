#include "transport/congestion/way_back.h"

#include <algorithm>
#include <numeric>

namespace sotto::transport {
namespace {

using std::chrono::milliseconds;

constexpr Duration late = milliseconds(30);
constexpr Duration tells = milliseconds(25);         // two packets, or what stands in several's way
constexpr Duration longest_step = milliseconds(60);  // of sound in a packet
constexpr Duration part = milliseconds(100);

double in_seconds(Duration time) { return std::chrono::duration<double>(time).count(); }

Duration of_ticks(std::int64_t ticks) { return Duration(ticks * 1'000'000'000 / audio_clock); }

}  // namespace

void WayBack::heard(RtpTimestamp until, Instant now) {
    if (newest_ && until == until_) return;  // the same once more, which left later
    const auto ours = static_cast<std::uint32_t>(ticks(now.time_since_epoch(), audio_clock));
    const std::uint32_t transit = ours - until.value;
    if (!first_) first_ = transit;
    if (newest_) step_ = std::clamp<Duration>(of_ticks(distance(until_, until)), Duration{}, longest_step);
    until_ = until;
    // Of the two clocks' unknown distance, as far as the first packet; wraps with the time stamps.
    const Duration later = of_ticks(static_cast<std::int32_t>(transit - *first_));
    quickest_.add(now, later);
    late_ = later - *quickest_.over(std::chrono::seconds(8));
    newest_ = now;
}

void WayBack::came(std::size_t bytes, Instant now) {
    const double bits = 8 * static_cast<double>(bytes);
    if (!newest_ || lateness(now) < late) {
        queued_since_.reset();
    } else if (!queued_since_) {
        queued_since_ = now;
        usual_ = usual_rate();
        queued_bits_ = 0;
    } else {
        queued_bits_ += bits;
    }
    note_bits(bits, now);
    newest_of_all_ = now;
}

bool WayBack::narrowed() const {
    if (!queued_since_ || newest_of_all_ - *queued_since_ < tells) return false;
    return queued_bits_ < 0.5 * usual_ * in_seconds(newest_of_all_ - *queued_since_);
}

double WayBack::queued_rate() const { return queued_bits_ / in_seconds(newest_of_all_ - *queued_since_); }

void WayBack::note_bits(double bits, Instant now) {
    const std::int64_t number = now.time_since_epoch() / part;
    if (number - part_ >= std::ssize(lately_) || number < part_) lately_.fill(0), part_ = number;
    while (part_ < number) lately_[static_cast<std::size_t>(++part_) % lately_.size()] = 0;
    lately_[static_cast<std::size_t>(part_) % lately_.size()] += bits;
}

double WayBack::usual_rate() const {
    return std::accumulate(lately_.begin(), lately_.end(), 0.0) / in_seconds(std::ssize(lately_) * part);
}

// Of the newest sound, or of that which should have come after it.
Duration WayBack::lateness(Instant now) const { return std::max(late_, late_ + (now - *newest_ - step_)); }

}  // namespace sotto::transport
