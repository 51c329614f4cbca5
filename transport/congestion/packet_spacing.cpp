#include "transport/congestion/packet_spacing.h"

#include <algorithm>

namespace sotto::transport {

namespace {
constexpr Duration resolution = std::chrono::milliseconds(1);  // of arrival times (RFC 8888 §3.1: 1/1024 s)
constexpr Duration lately = std::chrono::seconds(3);           // in which what was seen fades
constexpr Duration drift = std::chrono::microseconds(100);     // of two clocks, in a second
constexpr Duration set_anew = std::chrono::seconds(10);        // a clock: no packet is so late
constexpr std::size_t large = 600;                             // bytes, that take several times that below 1 Mbit/s
constexpr std::size_t largest_datagram = 65'535;
constexpr double enough = 3.5;    // packets
constexpr double much = 2.5;      // times as fast as all
constexpr double few_odd = 0.15;  // share
constexpr double in_all = 0.02;   // seconds, that the resolution is a small part of

double in_seconds(Duration d) { return std::chrono::duration<double>(d).count(); }
}  // namespace

void PacketSpacing::fade(Duration passed) {
    const double left = std::max(0.0, 1 - in_seconds(passed) / in_seconds(lately));
    for (double* const sum : {&bits_, &busy_, &waited_, &odd_}) *sum *= left;
    least_ += passed * drift.count() / std::chrono::nanoseconds(std::chrono::seconds(1)).count();
}

void PacketSpacing::add(Instant sent, Duration arrived, std::size_t bytes) {
    const Duration one_way = arrived - sent.time_since_epoch();
    if (begun_ && (arrived - previous_ > set_anew || previous_ - arrived > set_anew)) *this = {};
    if (!begun_) {
        begun_ = true;
        least_ = one_way;
        previous_ = arrived;
        return;
    }
    const Duration gap = arrived - previous_;
    if (gap < -resolution) ++odd_;  // no queue lets one overtake another
    if (gap < Duration{}) return;
    fade(gap);
    least_ = std::min(least_, one_way);
    const double bits = 8 * static_cast<double>(std::min(bytes, largest_datagram));
    const double rate = bits / in_seconds(gap + resolution);
    if (bytes >= large) shown_ = std::max(shown_, rate);
    if (sent.time_since_epoch() + least_ + 2 * resolution < previous_) {
        if (busy_ > 0 && rate > much * bits_ / busy_) ++odd_;
        bits_ += bits;
        busy_ += in_seconds(gap);
        ++waited_;
    }
    previous_ = arrived;
}

std::optional<double> PacketSpacing::passes() const {
    if (waited_ < enough || busy_ < in_all || odd_ > few_odd * waited_) return {};
    return bits_ / busy_;
}

}  // namespace sotto::transport
