#include "call/repair_sender.h"

#include <algorithm>

#include "base/byte_writer.h"

namespace sotto::call {

using transport::rtp_header_size;

Result<RepairSender> RepairSender::create(SrtpKey<Sending>&& key, Ssrc ssrc, Random& random) {
    auto out = SendStream::create(std::move(key), {.ssrc = ssrc, .history = 1}, random);
    if (!out) return Failure(out.error());
    return RepairSender(std::move(*out));
}

Result<SendStream::Numbered> RepairSender::retransmit(SequenceNumber video, const transport::SendHistory& packets,
                                                      MutableBytes room) {
    const auto packet = packets.find(video);
    if (!packet) return Failure(Error::unavailable);
    // RFC 4588 §4: the original sequence number, then the original payload.
    const MutableBytes payload = room.subspan(rtp_header_size, 2 + packet->payload.size());
    ByteWriter(payload).u16(video.value).bytes(packet->payload);
    return stream.depart_at_once(payload.size(), rtx_payload_type, packet->header.timestamp, packet->header.marker,
                                 room);
}

}  // namespace sotto::call
