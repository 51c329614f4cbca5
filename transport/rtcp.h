// RTCP (RFC 3550 §6) and the feedback messages of RFC 4585, 5104 and 8888: what one report can say, parsed and written
// whole.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string_view>

#include "base/strong_integer.h"
#include "sotto/bytes.h"
#include "sotto/error.h"
#include "transport/congestion/feedback.h"

namespace sotto::transport {

// 32.32 fixed point seconds (RFC 3550 §4). Sotto counts from the start of the call and never sends wall-clock time,
// which §6.4.1 allows.
struct NtpTime {
    std::uint64_t value = 0;
    std::uint32_t middle() const { return static_cast<std::uint32_t>(value >> 16); }  // as in LSR
    friend auto operator<=>(const NtpTime&, const NtpTime&) = default;
};

struct SenderInfo {  // RFC 3550 §6.4.1
    NtpTime ntp;
    RtpTimestamp rtp{};
    std::uint32_t packets = 0;
    std::uint32_t octets = 0;
};

struct ReportBlock {  // RFC 3550 §6.4.1
    Ssrc source{};
    std::uint8_t fraction_lost = 0;         // of 256
    std::int32_t cumulative_lost = 0;       // signed 24 bit
    std::uint32_t highest_sequence = 0;     // extended: cycles in the upper half
    std::uint32_t jitter = 0;               // RTP clock units
    std::uint32_t last_sr = 0;              // NtpTime::middle() of the last SR, 0 if none
    std::uint32_t delay_since_last_sr = 0;  // 1/65536 s
};

// Lost packets named by a NACK, at most as many as one message of ours asks for.
inline constexpr std::size_t max_nacks = 64;

// What one compound packet of one sender said. Absent parts are empty; unknown packet types are skipped (RFC 3550
// §6.1).
struct RtcpReport {
    Ssrc sender{};
    std::optional<SenderInfo> sender_info;          // SR
    std::optional<ReportBlock> report;              // the block about `about`, see parse_rtcp
    std::array<SequenceNumber, max_nacks> nacks{};  // RFC 4585 §6.2.1, about `about`
    std::size_t nack_count = 0;
    std::size_t nacks_left_out = 0;  // beyond what this holds
    bool picture_loss = false;       // PLI, RFC 4585 §6.3.1, about `about`
    // RPSI, RFC 4585 §6.3.3, about `about`: the golden frame that was decoded, by its 15-bit picture id (RFC 7741
    // §5.1).
    std::optional<std::uint16_t> golden;
    // APP of the name "LOAD": what part of the time between two frames the sender's decoder takes, in thousandths.
    std::optional<std::uint16_t> decode_load;
    bool full_intra_request = false;  // FIR, RFC 5104 §4.3.1, about `about`; asks for the same
    bool bye = false;                 // RFC 3550 §6.6
    // RFC 8888, about any streams: whose they are is the caller's to judge. A second one in a packet is only counted,
    // in left_out.
    std::optional<CongestionFeedback> congestion;
};

// `about`: our own SSRC; blocks and feedback about other streams are skipped. NACKs beyond max_nacks are only counted.
// A packet may begin with feedback instead of a report (RFC 5506 §3.4.1).
// Errors: truncated, malformed (lengths, another first packet, padding not in the last packet), unsupported_version.
Result<RtcpReport> parse_rtcp(Bytes compound, Ssrc about);

// What we say; written as SR or RR, SDES (CNAME, RFC 3550 §6.5.1; the library uses a random one per call: RFC 7022),
// then feedback, then BYE. `reduced` leaves out the first two (RFC 5506): there must be feedback then.
struct RtcpOutgoing {
    Ssrc sender{};
    std::optional<SenderInfo> sender_info{};
    std::optional<ReportBlock> report{};
    std::string_view cname{};
    Ssrc media_source{};                      // whom the feedback is about
    std::span<const SequenceNumber> nacks{};  // ascending; packed into PID/BLP pairs
    bool picture_loss = false;
    std::optional<std::uint16_t> golden{};  // as in RtcpReport; said beside other feedback only
    PayloadType golden_type{};
    bool bye = false;
    const CongestionFeedback* congestion = nullptr;
    bool reduced = false;
    std::optional<std::uint16_t> decode_load{};  // as in RtcpReport; not in a reduced one
};

// Gives the bytes written. Errors: too_large if `out` is too short, invalid_argument if a reduced one says nothing.
Result<std::size_t> write_rtcp(const RtcpOutgoing& report, MutableBytes out);

}  // namespace sotto::transport
