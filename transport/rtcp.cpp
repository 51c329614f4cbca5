#include "transport/rtcp.h"

#include "base/byte_reader.h"
#include "base/byte_writer.h"

namespace sotto::transport {
namespace {

constexpr std::uint8_t version = 2;

// RFC 3550 §12.1, RFC 4585 §6.1.
enum PacketType : std::uint8_t { sr = 200, rr = 201, sdes = 202, bye = 203, app = 204, rtpfb = 205, psfb = 206 };
constexpr std::uint8_t generic_nack = 1;         // FMT of RTPFB, RFC 4585 §6.2.1
constexpr std::uint8_t ccfb = 11;                // FMT of RTPFB, RFC 8888 §3.1
constexpr std::uint8_t pli = 1;                  // FMT of PSFB, RFC 4585 §6.3.1
constexpr std::uint8_t rpsi = 3;                 // FMT of PSFB, RFC 4585 §6.3.3
constexpr std::uint8_t fir = 4;                  // FMT of PSFB, RFC 5104 §4.3.1
constexpr std::uint8_t sdes_cname = 1;           // RFC 3550 §6.5.1
constexpr std::uint32_t load_name = 0x4c4f4144;  // "LOAD", RFC 3550 §6.7

struct Packet {
    std::uint8_t count = 0;  // RC, SC or FMT
    std::uint8_t type = 0;
    Bytes body;  // after the 4-byte header, without padding
};

// The next packet of a compound one.
Result<Packet> take_packet(ByteReader& in) {
    const auto first = in.u8();
    const auto type = in.u8();
    const auto words = in.u16();
    if (!first) return Failure(Error::truncated);
    if (*first >> 6 != version) return Failure(Error::unsupported_version);
    if (!words) return Failure(Error::truncated);
    auto body = in.take(std::size_t{4} * *words);
    if (!body) return Failure(Error::truncated);
    if ((*first & 0x20) != 0) {
        // RFC 3550 §6.4.1: padding only on the last packet, a multiple of four octets.
        if (!in.empty() || body->empty()) return Failure(Error::malformed);
        const auto padding = std::to_integer<std::size_t>(body->back());
        if (padding == 0 || padding % 4 != 0 || padding > body->size()) return Failure(Error::malformed);
        *body = body->first(body->size() - padding);
    }
    return Packet{.count = static_cast<std::uint8_t>(*first & 0x1f), .type = *type, .body = *body};
}

Result<ReportBlock> take_block(ByteReader& in) {
    const auto source = in.u32();
    const auto lost = in.u32();
    const auto highest = in.u32();
    const auto jitter = in.u32();
    const auto last_sr = in.u32();
    const auto delay = in.u32();
    if (!delay) return Failure(Error::malformed);
    const std::uint32_t low = *lost & 0xffffff;
    const auto cumulative = static_cast<std::int32_t>(low) - ((low & 0x800000) != 0 ? 0x1000000 : 0);
    return ReportBlock{.source = Ssrc{*source},
                       .fraction_lost = static_cast<std::uint8_t>(*lost >> 24),
                       .cumulative_lost = cumulative,
                       .highest_sequence = *highest,
                       .jitter = *jitter,
                       .last_sr = *last_sr,
                       .delay_since_last_sr = *delay};
}

Result<void> read_report(const Packet& packet, Ssrc about, RtcpReport& out) {
    ByteReader in(packet.body);
    const auto sender = in.u32();
    if (!sender) return Failure(Error::malformed);
    out.sender = Ssrc{*sender};
    if (packet.type == sr) {
        const auto ntp = in.u64();
        const auto rtp = in.u32();
        const auto packets = in.u32();
        const auto octets = in.u32();
        if (!octets) return Failure(Error::malformed);
        out.sender_info =
            SenderInfo{.ntp = NtpTime{*ntp}, .rtp = RtpTimestamp{*rtp}, .packets = *packets, .octets = *octets};
    }
    for (int i = 0; i < packet.count; ++i) {
        const auto block = take_block(in);
        if (!block) return Failure(block.error());
        if (block->source == about) out.report = *block;
    }
    return {};
}

void add_nack(RtcpReport& out, std::uint16_t number) {
    if (out.nack_count == out.nacks.size()) {
        ++out.nacks_left_out;
        return;
    }
    out.nacks[out.nack_count++] = SequenceNumber{number};
}

Result<void> read_nacks(ByteReader& in, RtcpReport& out) {
    while (!in.empty()) {
        const auto pid = in.u16();
        const auto bitmask = in.u16();
        if (!bitmask) return Failure(Error::malformed);
        add_nack(out, *pid);
        for (int bit = 0; bit < 16; ++bit) {
            if ((*bitmask >> bit & 1) != 0) add_nack(out, static_cast<std::uint16_t>(*pid + bit + 1));
        }
    }
    return {};
}

// RFC 4585 §6.3.3.2: the number of padding bits, the payload type, then the codec's own bits; here BE16(picture id).
Result<void> read_reference(ByteReader& in, RtcpReport& out) {
    const auto padding = in.u8();
    const auto type = in.u8();
    const auto picture_id = in.u16();
    if (!padding || !type || !picture_id) return Failure(Error::malformed);
    // Bits of another number are another codec's.
    if (*padding == 0 && in.empty()) out.golden = static_cast<std::uint16_t>(*picture_id & 0x7fff);
    return {};
}

// RFC 5104 §4.3.1.1: each entry names the stream, a command number and 24 reserved bits.
Result<void> read_full_intra_requests(ByteReader& in, Ssrc about, RtcpReport& out) {
    while (!in.empty()) {
        const auto target = in.u32();
        if (!in.u32()) return Failure(Error::malformed);
        out.full_intra_request = out.full_intra_request || Ssrc{*target} == about;
    }
    return {};
}

// One stream of an RFC 8888 packet: its metrics are padded to 32 bits.
Result<void> read_metrics(ByteReader& in, CongestionFeedback& out, bool wanted) {
    const auto ssrc = in.u32();
    const auto first = in.u16();
    const auto count = in.u16();
    if (!count || *count > max_metrics_sent) return Failure(Error::malformed);
    const auto metrics = in.take((*count + std::size_t{1}) / 2 * 4);
    if (!metrics) return Failure(Error::malformed);
    if (!wanted || !out.begin(Ssrc{*ssrc}, SequenceNumber{*first})) {
        out.left_out += *count;
        return {};
    }
    ByteReader each(*metrics);
    for (int i = 0; i < *count; ++i) {
        if (!out.add({*each.u16()})) ++out.left_out;
    }
    return {};
}

// RFC 8888 §3.1: streams, then the report's time stamp.
Result<void> read_congestion(const Packet& packet, RtcpReport& out) {
    ByteReader in(packet.body);
    const bool wanted = !out.congestion;
    if (!in.u32() || in.remaining() < 4) return Failure(Error::malformed);
    if (wanted) out.congestion.emplace();
    while (in.remaining() > 4) {
        const auto read = read_metrics(in, *out.congestion, wanted);
        if (!read) return read;
    }
    const auto timestamp = in.u32();
    if (!timestamp) return Failure(Error::malformed);
    if (wanted) out.congestion->timestamp = *timestamp;
    return {};
}

Result<void> read_feedback(const Packet& packet, Ssrc about, RtcpReport& out) {
    if (packet.type == rtpfb && packet.count == ccfb) return read_congestion(packet, out);
    ByteReader in(packet.body);
    if (!in.u32()) return Failure(Error::malformed);
    const auto source = in.u32();
    if (!source) return Failure(Error::malformed);
    // RFC 5104 §4.3.1.2: a FIR's media source is 0, its entries name the streams.
    if (packet.type == psfb && packet.count == fir) return read_full_intra_requests(in, about, out);
    if (Ssrc{*source} != about) return {};
    if (packet.type == psfb) out.picture_loss = out.picture_loss || packet.count == pli;
    if (packet.type == rtpfb && packet.count == generic_nack) return read_nacks(in, out);
    if (packet.type == psfb && packet.count == rpsi) return read_reference(in, out);
    return {};
}

Result<void> read_bye(const Packet& packet, RtcpReport& out) {
    ByteReader in(packet.body);
    for (int i = 0; i < packet.count; ++i) {
        const auto source = in.u32();
        if (!source) return Failure(Error::malformed);
        out.bye = out.bye || Ssrc{*source} == out.sender;
    }
    return {};
}

// RFC 3550 §6.7: whose it is, four letters of a name, then what only that name's users understand.
Result<void> read_application(const Packet& packet, RtcpReport& out) {
    ByteReader in(packet.body);
    const auto source = in.u32();
    const auto name = in.u32();
    if (!name) return Failure(Error::malformed);
    if (Ssrc{*source} != out.sender || *name != load_name || packet.count != 0) return {};
    const auto load = in.u32();
    if (!load || !in.empty() || *load > 0xffff) return Failure(Error::malformed);
    out.decode_load = static_cast<std::uint16_t>(*load);
    return {};
}

Result<void> read_packet(const Packet& packet, Ssrc about, RtcpReport& out) {
    switch (packet.type) {
        case sr:
        case rr: return read_report(packet, about, out);
        case rtpfb:
        case psfb: return read_feedback(packet, about, out);
        case bye: return read_bye(packet, out);
        case app: return read_application(packet, out);
        default: return {};  // RFC 3550 §6.1: unknown types are skipped; SDES says nothing we use
    }
}

bool begins_packet(std::uint8_t type) { return type == sr || type == rr || type == rtpfb || type == psfb; }

// All packets that may come first begin with their sender's SSRC.
Ssrc claimed_sender(const Packet& packet) { return Ssrc{ByteReader(packet.body).u32().value_or(0)}; }

// -- Writing

void write_header(ByteWriter& out, int count, PacketType type, std::size_t body_bytes) {
    out.u8(static_cast<std::uint8_t>(version << 6 | count)).u8(type).u16(static_cast<std::uint16_t>(body_bytes / 4));
}

void write_block(ByteWriter& out, const ReportBlock& block) {
    const auto cumulative = static_cast<std::uint32_t>(block.cumulative_lost) & 0xffffff;
    out.u32(block.source.value)
        .u32(static_cast<std::uint32_t>(block.fraction_lost) << 24 | cumulative)
        .u32(block.highest_sequence)
        .u32(block.jitter)
        .u32(block.last_sr)
        .u32(block.delay_since_last_sr);
}

void write_report(ByteWriter& out, const RtcpOutgoing& report) {
    const int blocks = report.report ? 1 : 0;
    const std::size_t block_bytes = report.report ? 24 : 0;
    if (const auto& info = report.sender_info) {
        write_header(out, blocks, sr, 24 + block_bytes);
        out.u32(report.sender.value).u64(info->ntp.value).u32(info->rtp.value).u32(info->packets).u32(info->octets);
    } else {
        write_header(out, blocks, rr, 4 + block_bytes);
        out.u32(report.sender.value);
    }
    if (report.report) write_block(out, *report.report);
}

// RFC 3550 §6.5: one chunk, its items ended by a zero octet and padded to 32 bits.
void write_sdes(ByteWriter& out, const RtcpOutgoing& report) {
    const std::size_t items = 2 + report.cname.size();
    const std::size_t padding = 4 - items % 4;
    write_header(out, 1, sdes, 4 + items + padding);
    out.u32(report.sender.value).u8(sdes_cname).u8(static_cast<std::uint8_t>(report.cname.size()));
    out.bytes(as_bytes(report.cname));
    for (std::size_t i = 0; i < padding; ++i) out.u8(0);
}

// How many numbers from `nacks` fit one PID/BLP pair: the first, and those within the 16 after it.
std::size_t pair_length(std::span<const SequenceNumber> nacks) {
    std::size_t length = 1;
    while (length < nacks.size()) {
        const int ahead = distance(nacks[0], nacks[length]);
        if (ahead < 1 || ahead > 16) break;
        ++length;
    }
    return length;
}

void write_nacks(ByteWriter& out, const RtcpOutgoing& report) {
    std::size_t pairs = 0;
    for (auto rest = report.nacks; !rest.empty(); rest = rest.subspan(pair_length(rest))) ++pairs;
    write_header(out, generic_nack, rtpfb, 8 + 4 * pairs);
    out.u32(report.sender.value).u32(report.media_source.value);
    for (auto rest = report.nacks; !rest.empty(); rest = rest.subspan(pair_length(rest))) {
        std::uint32_t bitmask = 0;
        for (const SequenceNumber number : rest.subspan(1, pair_length(rest) - 1)) {
            bitmask |= 1U << (distance(rest[0], number) - 1);
        }
        out.u16(rest[0].value).u16(static_cast<std::uint16_t>(bitmask));
    }
}

// RFC 8888 §3.1.
void write_congestion(ByteWriter& out, const RtcpOutgoing& report) {
    const CongestionFeedback& feedback = *report.congestion;
    std::size_t body = 8;
    for (const auto& stream : feedback.streams()) body += 8 + (stream.count + std::size_t{1}) / 2 * 4;
    write_header(out, ccfb, rtpfb, body);
    out.u32(report.sender.value);
    for (const auto& stream : feedback.streams()) {
        out.u32(stream.ssrc.value).u16(stream.first.value).u16(stream.count);
        for (const PacketMetric metric : feedback.metrics(stream)) out.u16(metric.value);
        if (stream.count % 2 != 0) out.u16(0);
    }
    out.u32(feedback.timestamp);
}

}  // namespace

Result<RtcpReport> parse_rtcp(Bytes compound, Ssrc about) {
    RtcpReport report;
    ByteReader in(compound);
    bool first = true;
    do {
        const auto packet = take_packet(in);
        if (!packet) return Failure(packet.error());
        // RFC 3550 §6.1: a compound packet begins with a report; RFC 5506 §3.4.1: feedback may go without.
        if (first && !begins_packet(packet->type)) return Failure(Error::malformed);
        if (first) report.sender = claimed_sender(*packet);
        first = false;
        const auto read = read_packet(*packet, about, report);
        if (!read) return Failure(read.error());
    } while (!in.empty());
    return report;
}

Result<std::size_t> write_rtcp(const RtcpOutgoing& report, MutableBytes out) {
    if (report.cname.size() > 255) return Failure(Error::too_large);
    const bool feedback = !report.nacks.empty() || report.picture_loss || report.congestion != nullptr;
    if (report.reduced && !feedback) return Failure(Error::invalid_argument);
    ByteWriter writer(out);
    if (!report.reduced) {
        write_report(writer, report);
        write_sdes(writer, report);
        if (report.decode_load) {
            write_header(writer, 0, app, 12);
            writer.u32(report.sender.value).u32(load_name).u32(*report.decode_load);
        }
    }
    if (!report.nacks.empty()) write_nacks(writer, report);
    if (report.picture_loss) {
        write_header(writer, pli, psfb, 8);
        writer.u32(report.sender.value).u32(report.media_source.value);
    }
    if (report.golden) {
        write_header(writer, rpsi, psfb, 12);
        writer.u32(report.sender.value).u32(report.media_source.value);
        writer.u8(0).u8(report.golden_type.value).u16(*report.golden);
    }
    if (report.congestion != nullptr) write_congestion(writer, report);
    if (report.bye) {
        write_header(writer, 1, bye, 4);
        writer.u32(report.sender.value);
    }
    if (!writer.ok()) return Failure(Error::too_large);
    return writer.size();
}

}  // namespace sotto::transport
