// RTP packets (RFC 3550 §5.1), parsed as views and written in place.
#pragma once

#include "base/strong_integer.h"
#include "sotto/bytes.h"
#include "sotto/error.h"

namespace sotto::transport {

struct RtpHeader {
    bool marker = false;
    PayloadType payload_type{};
    SequenceNumber sequence{};
    RtpTimestamp timestamp{};
    Ssrc ssrc{};
};

struct RtpPacket {
    RtpHeader header;
    Bytes payload{};                      // without padding
    std::size_t header_size = 0;          // incl. CSRCs and extension
    std::uint16_t extension_profile = 0;  // RFC 3550 §5.3.1, 0 when absent
    Bytes extension{};
};

inline constexpr std::size_t rtp_header_size = 12;  // without CSRCs and extension
inline constexpr std::size_t max_datagram = 1232;   // IPv6 minimum MTU 1280 less IPv6 and UDP headers (RFC 8200 §5)
inline constexpr std::size_t srtp_tag_size = 16;    // RFC 7714 §12
inline constexpr std::size_t srtp_mki_size = 2;     // RFC 3711 §3.1: which key; docs/protocol.md, "Epochs"
inline constexpr std::size_t max_rtp_packet = max_datagram - srtp_tag_size - srtp_mki_size;
inline constexpr std::size_t max_rtp_payload = max_rtp_packet - rtp_header_size;
// A packet that repairs another holds that one's payload and up to 9 bytes more; docs/protocol.md, "Repair".
inline constexpr std::size_t repair_overhead = 9;
inline constexpr std::size_t max_media_payload = max_rtp_payload - repair_overhead;

// Errors: truncated, malformed (padding longer than the payload), unsupported_version (not 2).
Result<RtpPacket> parse_rtp(Bytes packet);

// For a packet whose payload is still encrypted: of padding nothing can be said yet. Errors: truncated,
// unsupported_version.
Result<void> check_rtp_header(Bytes packet);

// Writes the 12-byte header without CSRCs or extension. Error::too_large if `out` is shorter.
Result<std::size_t> write_rtp_header(const RtpHeader& header, MutableBytes out);

// RFC 5761 §4: packet types 64 to 95 (with the marker bit: 192 to 223) are RTCP. False for anything under 2 bytes.
bool is_rtcp(Bytes packet);

}  // namespace sotto::transport
