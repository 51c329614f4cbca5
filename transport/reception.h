// What a receiver reports of a stream: RFC 3550 §A.3 (losses) and §A.8 (interarrival jitter).
#pragma once

#include <cstdint>

#include "base/strong_integer.h"
#include "sotto/time.h"
#include "transport/rtcp.h"

namespace sotto::transport {

class ReceptionStats {
  public:
    ReceptionStats(Ssrc source, std::uint32_t clock_rate) : source_(source), clock_rate_(clock_rate) {}

    // An authentic RTP packet; `extended` is its unwrapped sequence number.
    void received(std::int64_t extended, RtpTimestamp timestamp, Instant now);
    // A sender report: remembered for LSR and DLSR.
    void sender_report(NtpTime ntp, Instant now);

    // The block for our next report; closes the interval that fraction_lost covers.
    ReportBlock report(Instant now);
    // The same for feedback, which goes out at any time: the interval stays open, the last closed one is told again.
    ReportBlock report_again(Instant now) const;

    std::uint64_t packets() const { return packets_; }
    std::int64_t expected() const;  // packets the sender has sent, as far as we know
    Duration jitter() const;

  private:
    Ssrc source_;
    std::uint32_t clock_rate_;
    std::int64_t first_ = -1;
    std::int64_t highest_ = -1;
    std::uint64_t packets_ = 0;
    std::int64_t expected_before_ = 0;
    std::uint64_t packets_before_ = 0;
    std::uint8_t fraction_lost_ = 0;  // in the last closed interval
    std::int64_t transit_ = 0;
    std::uint64_t jitter_q4_ = 0;  // RTP units, 4 fractional bits, as §A.8
    std::uint32_t last_sr_ = 0;
    Instant last_sr_arrived_{};
};

}  // namespace sotto::transport
