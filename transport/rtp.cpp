#include "transport/rtp.h"

#include "base/byte_reader.h"
#include "base/byte_writer.h"

namespace sotto::transport {
namespace {

constexpr std::uint8_t version = 2;

}  // namespace

Result<RtpPacket> parse_rtp(Bytes packet) {
    ByteReader in(packet);
    const auto first = in.u8();
    const auto second = in.u8();
    const auto sequence = in.u16();
    const auto timestamp = in.u32();
    const auto ssrc = in.u32();
    if (!first) return Failure(Error::truncated);
    if (*first >> 6 != version) return Failure(Error::unsupported_version);
    if (!ssrc) return Failure(Error::truncated);

    RtpPacket parsed;
    parsed.header = {.marker = (*second & 0x80) != 0,
                     .payload_type = PayloadType{static_cast<std::uint8_t>(*second & 0x7f)},
                     .sequence = SequenceNumber{*sequence},
                     .timestamp = RtpTimestamp{*timestamp},
                     .ssrc = Ssrc{*ssrc}};
    const std::size_t csrc_bytes = std::size_t{4} * (*first & 0x0f);
    if (!in.take(csrc_bytes)) return Failure(Error::truncated);
    if ((*first & 0x10) != 0) {
        const auto profile = in.u16();
        const auto words = in.u16();
        if (!words) return Failure(Error::truncated);
        const auto extension = in.take(std::size_t{4} * *words);
        if (!extension) return Failure(Error::truncated);
        parsed.extension_profile = *profile;
        parsed.extension = *extension;
    }
    parsed.header_size = packet.size() - in.remaining();
    parsed.payload = in.rest();
    if ((*first & 0x20) != 0) {
        // RFC 3550 §5.1: the last octet counts the padding, itself included.
        if (parsed.payload.empty()) return Failure(Error::malformed);
        const auto padding = std::to_integer<std::size_t>(parsed.payload.back());
        if (padding == 0 || padding > parsed.payload.size()) return Failure(Error::malformed);
        parsed.payload = parsed.payload.first(parsed.payload.size() - padding);
    }
    return parsed;
}

Result<void> check_rtp_header(Bytes packet) {
    // As ours begin: without padding, and with nothing between the fixed header and the payload.
    if (packet.size() >= rtp_header_size && packet[0] == std::byte{version << 6}) return {};
    const auto parsed = parse_rtp(packet);
    if (!parsed && parsed.error() != Error::malformed) return Failure(parsed.error());
    return {};
}

Result<std::size_t> write_rtp_header(const RtpHeader& header, MutableBytes out) {
    ByteWriter writer(out);
    writer.u8(version << 6)
        .u8(static_cast<std::uint8_t>((header.marker ? 0x80 : 0) | (header.payload_type.value & 0x7f)))
        .u16(header.sequence.value)
        .u32(header.timestamp.value)
        .u32(header.ssrc.value);
    if (!writer.ok()) return Failure(Error::too_large);
    return writer.size();
}

bool is_rtcp(Bytes packet) {
    if (packet.size() < 2) return false;
    const auto type = std::to_integer<std::uint8_t>(packet[1]);
    return type >= 192 && type <= 223;
}

}  // namespace sotto::transport
