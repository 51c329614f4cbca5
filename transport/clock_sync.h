// Round-trip time and the sender's clock, from RTCP sender and receiver reports.
#pragma once

#include <optional>

#include "base/strong_integer.h"
#include "sotto/time.h"
#include "transport/rtcp.h"

namespace sotto::transport {

// NTP format of the time since the call began (see NtpTime), and back.
NtpTime to_ntp(Duration since_start);
Duration from_ntp(NtpTime ntp);

// RFC 3550 §6.4.1: A - LSR - DLSR. Nothing if the block answers no SR, or a negative or absurd (over 60 s) value.
std::optional<Duration> round_trip(const ReportBlock& block, NtpTime arrived);

// Smoothed, so that neither one bad sample nor a peer that lies in one report decides (RFC 6298 §2.3).
class RoundTripTime {
  public:
    void measured(Duration sample);
    std::optional<Duration> smoothed() const { return smoothed_; }
    // For repair: between bounds that neither a fast network nor a peer's report can move.
    Duration for_repair() const;

  private:
    std::optional<Duration> smoothed_;
};

// Maps the sender's RTP timestamps to our own time line: the least transit seen in a sender report, less half the
// round trip, is taken as the clocks' offset.
class ClockSync {
  public:
    explicit ClockSync(std::uint32_t clock_rate) : clock_rate_(clock_rate) {}

    void sender_report(const SenderInfo& info, Instant now, std::optional<Duration> round_trip);
    // When the sample was taken, on the sender's time line; nothing before the first sender report.
    std::optional<Duration> sender_time(RtpTimestamp timestamp) const;
    // The same on our time line; nothing before the first sender report with a
    // known round trip.
    std::optional<Instant> captured(RtpTimestamp timestamp) const;

  private:
    std::uint32_t clock_rate_;
    std::optional<SenderInfo> last_;
    std::optional<Duration> offset_;  // our time line minus the sender's time since start
};

}  // namespace sotto::transport
