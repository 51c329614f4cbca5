#include "transport/clock_sync.h"

#include <algorithm>

namespace sotto::transport {
namespace {

constexpr std::uint64_t nanoseconds = 1'000'000'000;
constexpr Duration first_round_trip = std::chrono::milliseconds(100);  // until the first report tells
constexpr Duration shortest_repair = std::chrono::milliseconds(20);
constexpr Duration longest_repair = std::chrono::seconds(1);
constexpr std::uint32_t longest_round_trip = 60U << 16;  // in 1/65536 s; anything above is a wrapped negative
// The least transit may creep up this fast, so that a drifting clock is followed (1 ms a report).
constexpr Duration drift = std::chrono::milliseconds(1);

}  // namespace

NtpTime to_ntp(Duration since_start) {
    const auto count = static_cast<std::uint64_t>(std::max<std::int64_t>(0, since_start.count()));
    const std::uint64_t fraction = ((count % nanoseconds) << 32) / nanoseconds;
    return NtpTime{(count / nanoseconds) << 32 | fraction};
}

Duration from_ntp(NtpTime ntp) {
    const std::uint64_t rest = ((ntp.value & 0xffffffff) * nanoseconds + (std::uint64_t{1} << 31)) >> 32;
    return Duration(static_cast<std::int64_t>((ntp.value >> 32) * nanoseconds + rest));
}

std::optional<Duration> round_trip(const ReportBlock& block, NtpTime arrived) {
    if (block.last_sr == 0) return std::nullopt;
    const std::uint32_t trip = arrived.middle() - block.last_sr - block.delay_since_last_sr;
    if (trip > longest_round_trip) return std::nullopt;
    return Duration(static_cast<std::int64_t>(std::uint64_t{trip} * nanoseconds >> 16));
}

void RoundTripTime::measured(Duration sample) {
    smoothed_ = smoothed_ ? *smoothed_ + (sample - *smoothed_) / 8 : sample;
}

Duration RoundTripTime::for_repair() const {
    return std::clamp(smoothed_.value_or(first_round_trip), shortest_repair, longest_repair);
}

void ClockSync::sender_report(const SenderInfo& info, Instant now, std::optional<Duration> round_trip) {
    last_ = info;
    if (!round_trip) return;
    const Duration offset = now.time_since_epoch() - from_ntp(info.ntp) - *round_trip / 2;
    offset_ = offset_ ? std::min(offset, *offset_ + drift) : offset;
}

std::optional<Duration> ClockSync::sender_time(RtpTimestamp timestamp) const {
    if (!last_) return std::nullopt;
    const auto behind = static_cast<std::int64_t>(distance(timestamp, last_->rtp));
    const Duration age(behind * static_cast<std::int64_t>(nanoseconds) / clock_rate_);
    return from_ntp(last_->ntp) - age;
}

std::optional<Instant> ClockSync::captured(RtpTimestamp timestamp) const {
    const auto taken = sender_time(timestamp);
    if (!taken || !offset_) return std::nullopt;
    return Instant(*taken + *offset_);
}

}  // namespace sotto::transport
