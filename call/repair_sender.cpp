#include "call/repair_sender.h"

#include <algorithm>
#include <array>

#include "transport/fec.h"
#include "transport/rtx.h"

namespace sotto::call {

using transport::rtp_header_size;

Result<RepairSender> RepairSender::create(SrtpKey<Sending>&& key, Ssrc ssrc, Random& random) {
    auto out = SendStream::create(std::move(key), {.ssrc = ssrc, .history = 1, .reports = 1}, random);
    if (!out) return Failure(out.error());
    return RepairSender(std::move(*out));
}

Result<SendStream::Numbered> RepairSender::retransmit(SequenceNumber video, const transport::SendHistory& packets,
                                                      MutableBytes room) {
    const auto packet = packets.find(video);
    if (!packet) return Failure(Error::unavailable);
    const auto size = transport::write_rtx(video, packet->payload, room.subspan(rtp_header_size));
    if (!size) return Failure(size.error());
    const auto sent =
        stream.depart_at_once(*size, rtx_payload_type, packet->header.timestamp, packet->header.marker, room);
    if (!sent) return sent;
    ++stream.stats.retransmitted_packets_sent;
    stream.stats.retransmitted_bytes_sent += *size;
    return sent;
}

Result<SendStream::Numbered> RepairSender::protect_window(SequenceNumber newest, std::size_t packets,
                                                          const transport::SendHistory& video, MutableBytes room) {
    std::array<transport::FecSource, transport::max_fec_window> window;
    std::size_t first = window.size();
    const std::size_t wanted = std::min(packets, window.size());
    while (window.size() - first < wanted) {
        const auto back = static_cast<std::uint16_t>(window.size() - first);
        const auto packet = video.find(SequenceNumber{static_cast<std::uint16_t>(newest.value - back)});
        if (!packet) break;
        window[--first] = {.sequence = packet->header.sequence,
                           .timestamp = packet->header.timestamp,
                           .marker = packet->header.marker,
                           .payload = packet->payload};
    }
    if (first == window.size()) return Failure(Error::unavailable);
    const auto size = transport::write_fec(std::span(window).subspan(first), stream.next_number(),
                                           room.subspan(rtp_header_size, transport::max_rtp_payload));
    if (!size) return Failure(size.error());
    const auto sent = stream.depart_at_once(*size, fec_payload_type, window.back().timestamp, false, room);
    if (sent) ++stream.stats.fec_packets_sent;
    return sent;
}

}  // namespace sotto::call
