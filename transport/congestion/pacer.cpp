#include "transport/congestion/pacer.h"

#include <algorithm>
#include <cmath>

namespace sotto::transport {

namespace {
using std::chrono::milliseconds;

constexpr double largest_packet = 1200;                 // bytes
constexpr double burst_time = 0.004;                    // seconds of the rate: a slow path has a short queue
constexpr double largest_debt = 1'000'000;              // bytes; what nobody paces is not paid for longer than that
constexpr double late_timer = 0.05;                     // seconds
constexpr double quick = 4, smooth = 1.5;               // times the target
constexpr double narrow = 1.25;                         // at most, up to narrow_rate; quick from wide_rate on
constexpr double narrow_rate = 5e5, wide_rate = 1.0e6;  // bit/s
constexpr double slowest = 330e3;                       // bit/s, unless that is more than quick
constexpr Duration calm = milliseconds(5), busy = milliseconds(25);
}  // namespace

int pacing_rate(int target, Duration queueing_delay, bool doubling) {
    const auto over = static_cast<double>(std::clamp(queueing_delay, calm, busy).count() - calm.count());
    const double share = over / static_cast<double>((busy - calm).count());
    const double width = std::clamp((target - narrow_rate) / (wide_rate - narrow_rate), 0.0, 1.0);
    const double most = doubling
                            ? target * quick
                            : std::max(target * (narrow + (quick - narrow) * width), std::min(target * quick, slowest));
    const double least = std::min(most, target * smooth);
    return static_cast<int>(std::min(most + (least - most) * share, 1e9));
}

void Pacer::set_rate(int rate, int at_once) {
    bytes_per_second_ = std::max(rate, 1'000) / 8.0;
    largest_burst_ = at_once * largest_packet;
}

double Pacer::owed_at(Instant now) const {
    if (now <= updated_) return owed_;  // a clock that steps back pays nothing
    const double seconds = std::chrono::duration<double>(now.time_since_epoch()).count() -
                           std::chrono::duration<double>(updated_.time_since_epoch()).count();
    const double burst = std::min(largest_burst_, burst_time * bytes_per_second_);
    const double credit = waiting_ ? std::max(burst, late_timer * bytes_per_second_) : burst;
    return std::max(owed_ - seconds * bytes_per_second_, -credit);
}

void Pacer::sent(std::size_t bytes, Instant now) {
    owed_ = std::min(owed_at(now) + static_cast<double>(bytes), largest_debt);
    updated_ = std::max(now, updated_);
}

Instant Pacer::next(Instant now) const {
    const double owed = owed_at(now);
    if (owed < 1e-3) return now;  // what rounding leaves
    return now + Duration(static_cast<std::int64_t>(std::ceil(owed / bytes_per_second_ * 1e9)));
}

}  // namespace sotto::transport
