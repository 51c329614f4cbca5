#include "call/repair_receiver.h"

#include "call/repair_sender.h"
#include "call/video_sender.h"
#include "transport/rtp_clock.h"
#include "transport/rtx.h"

namespace sotto::call {

Result<RepairReceiver> RepairReceiver::create(SrtpKey<Receiving>&& key, Ssrc ssrc) {
    auto in = ReceiveStream::create(
        std::move(key),
        {.ssrc = ssrc, .payload_types = {rtx_payload_type, fec_payload_type}, .clock_rate = transport::video_clock});
    if (!in) return Failure(in.error());
    return RepairReceiver(std::move(*in));
}

Result<std::optional<transport::RtpPacket>> RepairReceiver::receive(MutableBytes datagram, std::int64_t newest_video,
                                                                    Instant now) {
    const auto arrived = stream.open_rtp(datagram, now);
    if (!arrived) return Failure(arrived.error());
    transport::RtpPacket packet = arrived->packet;
    if (packet.header.payload_type == fec_payload_type) {
        ++stats_.fec_packets_received;
        stats_.fec_bytes_received += packet.payload.size();
        const auto inserted = decoder_.insert(packet.payload, packet.header.sequence, newest_video);
        if (!inserted) return Failure(inserted.error());
        return std::nullopt;
    }
    ++stats_.retransmitted_packets_received;
    stats_.retransmitted_bytes_received += packet.payload.size();
    const auto again = transport::parse_rtx(packet.payload);
    if (!again) return Failure(again.error());
    packet.header.sequence = again->original;
    packet.payload = again->payload;
    return packet;
}

std::optional<transport::RtpPacket> RepairReceiver::next(const transport::FecSources& video) {
    const auto recovered = decoder_.next(video);
    if (!recovered) return std::nullopt;
    return transport::RtpPacket{.header = {.marker = recovered->marker,
                                           .payload_type = vp8_payload_type,
                                           .sequence = SequenceNumber{static_cast<std::uint16_t>(recovered->extended)},
                                           .timestamp = recovered->timestamp},
                                .payload = recovered->payload};
}

void RepairReceiver::add_to(ReceiveStats& video) const {
    const transport::FecCounts& became = decoder_.counts();
    video.packets_received += stream.reception.packets();
    video.bytes_received += stream.bytes;
    video.header_bytes_received += stream.header_bytes;
    video.retransmitted_packets_received = stats_.retransmitted_packets_received;
    video.retransmitted_bytes_received = stats_.retransmitted_bytes_received;
    video.fec_packets_received = stats_.fec_packets_received;
    video.fec_bytes_received = stats_.fec_bytes_received;
    video.fec_packets_discarded =
        became.refused + became.unneeded + became.dropped + became.out_of_reach + became.contradicted;
    video.repaired = became.used;
}

}  // namespace sotto::call
