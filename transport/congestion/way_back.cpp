#include "transport/congestion/way_back.h"

#include <algorithm>
#include <numeric>

namespace sotto::transport {
namespace {

using std::chrono::milliseconds;

constexpr Duration late = milliseconds(30);
constexpr Duration tells = milliseconds(25);         // two packets, or what stands in several's way
constexpr double slow = 0.5;                         // of the usual rate
constexpr double alike = 1.25;                       // one bottleneck sets the pace of both
constexpr double headers = 28 * 8;                   // bits of IPv4 and UDP, which take their part of a rate
constexpr double large = 500 * 8;                    // bits: of a packet that leaves close behind another one
constexpr Duration together = milliseconds(1);       // nothing told by what comes so close
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
    } else {
        follow_queue(bits, now);
    }
    note_bits(bits, now);
    before_it_ = newest_of_all_;
    newest_of_all_ = now;
    newest_bits_ = bits;
}

void WayBack::follow_queue(double bits, Instant now) {
    if (queued_since_) {
        queued_bits_ += bits;
    } else {
        queued_since_ = now;
        usual_ = usual_rate();
        queued_bits_ = 0;
    }
    if (before_it_ >= *queued_since_ || !paced_with(bits, now)) return;
    queued_since_ = before_it_;
    queued_bits_ = newest_bits_ + bits;
}

// The newest packet and this one each took as long as they do at one rate, which is slow: no pause that held up one of
// them looks like that.
bool WayBack::paced_with(double bits, Instant now) const {
    const Duration its = newest_of_all_ - before_it_, ours = now - newest_of_all_;
    if (its < together || ours < together || std::max(bits, newest_bits_) < large) return false;
    const double its_rate = (newest_bits_ + headers) / in_seconds(its), our_rate = (bits + headers) / in_seconds(ours);
    const auto [least, most] = std::minmax(its_rate, our_rate);
    return most < slow * usual_ && most < alike * least;
}

bool WayBack::narrowed() const {
    if (!queued_since_ || newest_of_all_ - *queued_since_ < tells) return false;
    return queued_bits_ < slow * usual_ * in_seconds(newest_of_all_ - *queued_since_);
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
