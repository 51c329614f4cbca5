#include "call/send_stream.h"

#include <algorithm>

#include "base/byte_reader.h"
#include "transport/clock_sync.h"
#include "transport/vp8_payload.h"

namespace sotto::call {

using transport::rtp_header_size;

namespace {

// What a quiet stream saves up: a whole frame of the largest.
constexpr std::size_t max_repair_budget = transport::max_frame_packets * transport::max_datagram;

}  // namespace

SendStream::SendStream(transport::SrtpSender&& srtp, const SendStreamSettings& settings)
    : srtp_(std::move(srtp)), settings_(settings), history_(settings.history) {}

Result<SendStream> SendStream::create(SrtpKey<Sending>&& key, const SendStreamSettings& settings, Random& random) {
    auto srtp = transport::SrtpSender::create(std::move(key), settings.ssrc);
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

transport::SenderInfo SendStream::sender_info(Instant start, Instant now, RtpTimestamp timestamp) const {
    return {.ntp = transport::to_ntp(now - start),
            .rtp = timestamp,
            .packets = static_cast<std::uint32_t>(stats.packets),
            .octets = static_cast<std::uint32_t>(stats.bytes)};
}

MutableBytes SendStream::payload_room() { return history_.prepare(next_).subspan(rtp_header_size, max_payload); }

Result<void> SendStream::send(std::size_t size, RtpTimestamp timestamp, bool marker, Outbox& outbox) {
    const MutableBytes packet = history_.prepare(next_);
    const transport::RtpHeader header{.marker = marker,
                                      .payload_type = settings_.payload_type,
                                      .sequence = next_,
                                      .timestamp = timestamp,
                                      .ssrc = settings_.ssrc};
    const auto written = transport::write_rtp_header(header, packet);
    if (!written) return Failure(written.error());
    const auto length = srtp_.protect_rtp(packet, *written + size);
    if (!length) return Failure(length.error());

    history_.commit(next_, *length);
    outbox.push(history_, next_, stats.overrun);
    next_ += 1;
    repair_budget_ = std::min(repair_budget_ + *length, max_repair_budget);
    ++stats.packets;
    stats.bytes += size;
    return {};
}

Result<void> SendStream::send_report(transport::RtcpOutgoing report, Outbox& outbox) {
    report.sender = settings_.ssrc;
    const MutableBytes packet = control_.prepare(next_control_);
    const auto written = transport::write_rtcp(report, packet.first(packet.size() - transport::srtcp_overhead));
    if (!written) return Failure(written.error());
    const auto length = srtp_.protect_rtcp(packet, *written);
    if (!length) return Failure(length.error());

    control_.commit(next_control_, *length);
    outbox.push(control_, next_control_, stats.overrun);
    next_control_ += 1;
    return {};
}

void SendStream::resend(std::span<const SequenceNumber> numbers, Instant now, Duration interval, Outbox& outbox) {
    for (const SequenceNumber number : numbers) {
        const std::size_t size = history_.find(number).size();
        if (size > repair_budget_ || history_.retransmit(number, now, interval).empty()) {
            ++stats.unrepaired;
            continue;
        }
        repair_budget_ -= size;
        outbox.push(history_, number, stats.overrun);
        ++stats.retransmitted;
    }
}

}  // namespace sotto::call
