#include "transport/reception.h"

#include <algorithm>

#include "transport/rtp_clock.h"

namespace sotto::transport {

void ReceptionStats::received(std::int64_t extended, RtpTimestamp timestamp, Instant now) {
    const std::int64_t arrival = ticks(now.time_since_epoch(), clock_rate_);
    // RFC 3550 §A.8: only the difference of two transits matters, so both may wrap.
    const auto transit =
        static_cast<std::int64_t>(static_cast<std::int32_t>(static_cast<std::uint32_t>(arrival) - timestamp.value));
    if (packets_ > 0) {
        const auto change = static_cast<std::int32_t>(static_cast<std::uint32_t>(transit - transit_));
        const auto size = static_cast<std::uint64_t>(change < 0 ? -static_cast<std::int64_t>(change) : change);
        jitter_q4_ += size - ((jitter_q4_ + 8) >> 4);
    } else {
        first_ = extended;
        highest_ = extended;
    }
    transit_ = transit;
    ++packets_;
    first_ = std::min(first_, extended);
    highest_ = std::max(highest_, extended);
}

void ReceptionStats::sender_report(NtpTime ntp, Instant now) {
    last_sr_ = ntp.middle();
    last_sr_arrived_ = now;
}

std::int64_t ReceptionStats::expected() const { return packets_ == 0 ? 0 : highest_ - first_ + 1; }

Duration ReceptionStats::jitter() const {
    return Duration(std::chrono::seconds(jitter_q4_ >> 4)) / clock_rate_;  // RFC 3550 §A.8: 4 fractional bits
}

ReportBlock ReceptionStats::report(Instant now) {
    // RFC 3550 §A.3.
    const std::int64_t expected_interval = expected() - expected_before_;
    const auto received_interval = static_cast<std::int64_t>(packets_ - packets_before_);
    const std::int64_t lost_interval = expected_interval - received_interval;
    expected_before_ = expected();
    packets_before_ = packets_;
    fraction_lost_ = 0;
    if (expected_interval > 0 && lost_interval > 0) {
        fraction_lost_ =
            static_cast<std::uint8_t>(std::min<std::int64_t>(255, lost_interval * 256 / expected_interval));
    }
    return report_again(now);
}

ReportBlock ReceptionStats::report_again(Instant now) const {
    const std::int64_t lost = expected() - static_cast<std::int64_t>(packets_);
    std::uint32_t delay = 0;
    if (last_sr_ != 0) delay = static_cast<std::uint32_t>(ticks(now - last_sr_arrived_, 65536));
    // The unwrapper starts one circle up; the wire counts cycles from zero.
    const std::int64_t highest = packets_ == 0 ? 0 : highest_ - 0x10000;
    return {.source = source_,
            .fraction_lost = fraction_lost_,
            .cumulative_lost = static_cast<std::int32_t>(std::clamp<std::int64_t>(lost, -0x800000, 0x7fffff)),
            .highest_sequence = static_cast<std::uint32_t>(highest),
            .jitter = static_cast<std::uint32_t>(jitter_q4_ >> 4),
            .last_sr = last_sr_,
            .delay_since_last_sr = delay};
}

}  // namespace sotto::transport
