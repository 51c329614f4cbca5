#include "call/repair_receiver.h"

#include "base/byte_reader.h"
#include "call/repair_sender.h"
#include "transport/rtp_clock.h"

namespace sotto::call {

Result<RepairReceiver> RepairReceiver::create(SrtpKey<Receiving>&& key, Ssrc ssrc) {
    auto in = ReceiveStream::create(
        std::move(key),
        {.ssrc = ssrc, .payload_types = {rtx_payload_type, fec_payload_type}, .clock_rate = transport::video_clock});
    if (!in) return Failure(in.error());
    return RepairReceiver(std::move(*in));
}

Result<transport::RtpPacket> RepairReceiver::receive(MutableBytes datagram, Instant now) {
    const auto arrived = stream.open_rtp(datagram, now);
    if (!arrived) return Failure(arrived.error());
    // RFC 4588 §4: the original sequence number, then the original payload.
    ByteReader in(arrived->packet.payload);
    const auto sequence = in.u16();
    if (!sequence) return Failure(sequence.error());
    transport::RtpPacket packet = arrived->packet;
    packet.header.sequence = SequenceNumber{*sequence};
    packet.payload = packet.payload.subspan(2);
    return packet;
}

}  // namespace sotto::call
