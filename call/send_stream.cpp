#include "call/send_stream.h"

#include <algorithm>

#include "base/byte_reader.h"
#include "base/copy_bytes.h"
#include "call/packet_cipher.h"
#include "crypto/primitives.h"
#include "transport/clock_sync.h"
#include "transport/vp8_payload.h"

namespace sotto::call {

using transport::rtp_header_size;

namespace {

// What a quiet stream saves up: a whole frame of the largest.
constexpr std::size_t max_repair_budget = transport::max_frame_packets * transport::max_datagram;

}  // namespace

SendStream::SendStream(transport::SrtpSender&& srtp, const SendStreamSettings& settings)
    : srtp_(std::move(srtp)),
      settings_(settings),
      history_(settings.history, transport::max_media_payload),
      control_(settings.reports, transport::max_datagram) {}

Result<SendStream> SendStream::create(SrtpKey<Sending>&& key, const SendStreamSettings& settings, Random& random) {
    choose_packet_cipher();
    auto srtp = transport::SrtpSender::create(std::move(key), settings.ssrc);
    crypto::wipe_dead_stack();  // of what libsrtp spilled
    if (!srtp) return Failure(srtp.error());
    SendStream stream(std::move(*srtp), settings);

    std::array<std::byte, 6> start{};
    random.fill(start);
    ByteReader in(start);
    // RFC 3711 §3.3.1: a first number below 2^15 keeps both sides' rollover counters equal if first packets are lost.
    stream.next_.value = static_cast<std::uint16_t>(*in.u16() & 0x7fff);
    stream.first_timestamp_.value = *in.u32();
    return stream;
}

MutableBytes SendStream::payload_room() { return history_.prepare(next_); }

SequenceNumber SendStream::keep(std::size_t size, PayloadType type, RtpTimestamp timestamp, bool marker) {
    const SequenceNumber number = next_;
    history_.commit(
        {.marker = marker, .payload_type = type, .sequence = number, .timestamp = timestamp, .ssrc = settings_.ssrc},
        size);
    next_ += 1;
    return number;
}

Result<std::size_t> SendStream::protect(const transport::RtpHeader& header, std::size_t payload, MutableBytes room) {
    const auto written = transport::write_rtp_header(header, room);
    if (!written) return Failure(written.error());
    const auto length = srtp_.protect_rtp(room, *written + payload);
    if (!length) return Failure(length.error());
    ++stats.packets_sent;
    stats.bytes_sent += payload;
    stats.header_bytes_sent += *length - payload;
    repair_budget_ = std::min(repair_budget_ + *length, max_repair_budget);
    return *length;
}

Result<std::size_t> SendStream::depart(SequenceNumber number, MutableBytes room) {
    const auto packet = history_.find(number);
    if (!packet) return Failure(Error::unavailable);
    if (room.size() < rtp_header_size + packet->payload.size()) return Failure(Error::too_large);
    copy_bytes(packet->payload, room.subspan(rtp_header_size));
    return protect(packet->header, packet->payload.size(), room);
}

Result<SendStream::Numbered> SendStream::depart_at_once(std::size_t size, PayloadType type, RtpTimestamp timestamp,
                                                        bool marker, MutableBytes room) {
    const transport::RtpHeader header{
        .marker = marker, .payload_type = type, .sequence = next_, .timestamp = timestamp, .ssrc = settings_.ssrc};
    const auto length = protect(header, size, room);
    if (!length) return Failure(length.error());
    const Numbered numbered{.number = next_, .size = *length};
    next_ += 1;
    return numbered;
}

bool SendStream::may_repair(SequenceNumber number, Instant now, Duration interval) {
    const auto packet = history_.find(number);
    const std::size_t size = packet ? packet->payload.size() + transport::srtp_overhead + rtp_header_size : 0;
    if (!packet || size > repair_budget_ || !history_.retransmit(number, now, interval)) {
        ++stats.unrepaired;
        return false;
    }
    repair_budget_ -= size;
    return true;
}

transport::SenderInfo SendStream::sender_info(Instant start, Instant now, RtpTimestamp timestamp) const {
    return {.ntp = transport::to_ntp(now - start),
            .rtp = timestamp,
            .packets = static_cast<std::uint32_t>(stats.packets_sent),
            .octets = static_cast<std::uint32_t>(stats.bytes_sent)};
}

Result<SequenceNumber> SendStream::keep_report(transport::RtcpOutgoing report) {
    report.sender = settings_.ssrc;
    const MutableBytes packet = control_.prepare(next_control_);
    const auto written = transport::write_rtcp(report, packet.first(packet.size() - transport::srtcp_overhead));
    if (!written) return Failure(written.error());
    const SequenceNumber number = next_control_;
    control_.commit({.sequence = number, .ssrc = settings_.ssrc}, *written);
    next_control_ += 1;
    return number;
}

Result<std::size_t> SendStream::depart_report(SequenceNumber number, MutableBytes room) {
    const auto report = control_.find(number);
    if (!report) return Failure(Error::unavailable);
    copy_bytes(report->payload, room);
    return srtp_.protect_rtcp(room, report->payload.size());
}

}  // namespace sotto::call
