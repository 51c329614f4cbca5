#include "transport/congestion/shared_width.h"

#include <algorithm>

namespace sotto::transport {

namespace {
constexpr double memory = 8;       // seconds, in which what was seen fades
constexpr double longest = 0.2;    // seconds from one packet to the next
constexpr double closest = 0.006;  // seconds, as which less counts: a late packet holds up what was sent right after it
constexpr double enough = 60;      // packets
constexpr std::size_t largest_datagram = 65'535;

double in_seconds(Duration d) { return std::chrono::duration<double>(d).count(); }
}  // namespace

// Least squares of came = each * kbits + others * sent. What others send comes in packets, so that it varies the more
// the longer they had time to.
void SharedWidth::add(Instant sent, Duration arrived, std::size_t bytes) {
    const double apart = in_seconds(sent - sent_), came = in_seconds(arrived - arrived_);
    const bool follows = begun_ && apart >= 0 && apart < longest && came > -longest && came < 2 * longest;
    begun_ = true;
    sent_ = sent;
    arrived_ = arrived;
    const double left = std::clamp(1 - apart / memory, 0.0, 1.0);
    count_ *= left;
    for (double* const sum : {&bits_bits_, &bits_sent_, &sent_sent_, &bits_came_, &sent_came_, &came_came_}) {
        *sum *= left;
    }
    if (!follows) return;
    const double kbits = 8e-3 * static_cast<double>(std::min(bytes, largest_datagram));
    const double weight = 1 / (apart + closest);
    ++count_;
    bits_bits_ += weight * kbits * kbits;
    bits_sent_ += weight * kbits * apart;
    sent_sent_ += weight * apart * apart;
    bits_came_ += weight * kbits * came;
    sent_came_ += weight * apart * came;
    came_came_ += weight * came * came;
}

std::optional<double> SharedWidth::passes(double deviations) const {
    const double determinant = bits_bits_ * sent_sent_ - bits_sent_ * bits_sent_;
    if (count_ < enough || determinant <= 1e-6 * bits_bits_ * sent_sent_) return {};        // all alike tell nothing
    const double each = (bits_came_ * sent_sent_ - sent_came_ * bits_sent_) / determinant;  // seconds for a kbit
    const double others = (sent_came_ * bits_bits_ - bits_came_ * bits_sent_) / determinant;
    const double rest = std::max(0.0, came_came_ - each * bits_came_ - others * sent_came_);
    const double variance = rest / count_ * sent_sent_ / determinant;
    if (each <= 0 || each * each < deviations * deviations * variance) return {};
    return 1000 / each;
}

}  // namespace sotto::transport
