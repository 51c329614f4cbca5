#include "transport/congestion/delay_window.h"

#include <algorithm>
#include <utility>

namespace sotto::transport {

namespace {
using std::chrono::milliseconds;
constexpr Duration implausible = std::chrono::seconds(10);  // off the base: the peer's clock was set anew
constexpr Duration largest_stray = milliseconds(100);
}  // namespace

void DelayWindow::add(Instant sent, Duration arrived, std::size_t bytes, double rate) {
    const Duration one_way = arrived - sent.time_since_epoch();
    const auto base = past_.over(std::chrono::seconds(64));
    if (base && (one_way - *base > implausible || *base - one_way > implausible)) *this = DelayWindow();
    recent_.add(sent, one_way);
    past_.add(sent, one_way);
    const std::int64_t number = sent.time_since_epoch() / interval;
    if (number != number_) {
        close_interval();
        if (number != number_ + 1) last_ = slope_ = std::nullopt;
        number_ = number;
    }
    least_ = least_ ? std::min(*least_, one_way) : one_way;
    look_for_bunch({sent.time_since_epoch(), arrived, bytes}, rate);
}

void DelayWindow::look_for_bunch(const Packet& packet, double rate) {
    Packet& slot = last_packets_[packets_++ % last_packets_.size()];
    const Packet first = std::exchange(slot, packet);
    if (packets_ <= last_packets_.size()) return;
    const Duration sent = packet.sent - first.sent;
    const Duration arrived = packet.arrived - first.arrived;
    std::size_t passed = 0;
    for (const Packet& p : last_packets_) passed += p.bytes;
    const double seconds = std::chrono::duration<double>(arrived).count();
    if (sent > milliseconds(4) && 4 * arrived < sent && static_cast<double>(passed) * 8 > 4 * rate * seconds)
        bunched_ = true;
}

void DelayWindow::close_interval() {
    if (least_ && last_) {
        const Duration slope = *least_ - *last_;
        // The second difference of three values, each straying by s, strays by sqrt(6) s: a ramp leaves no trace in it.
        if (slope_) {
            const Duration stray = std::min<Duration>(std::chrono::abs(slope - *slope_), largest_stray) * 10 / 24;
            intervals_ = std::min(intervals_ + 1, 16);
            const bool jitter = bunched_ || was_bunched_;
            noise_ += ((jitter ? stray : Duration{}) - noise_) / intervals_;
        }
        slope_ = slope;
    }
    was_bunched_ = std::exchange(bunched_, false);
    last_ = least_;
    least_.reset();
}

Duration DelayWindow::standing(Duration recent, Duration past) const {
    const auto least = recent_.over(recent);
    const auto base = past_.over(past);
    return least && base ? std::max(Duration{}, *least - *base) : Duration{};
}

}  // namespace sotto::transport
