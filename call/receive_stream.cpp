#include "call/receive_stream.h"

#include <algorithm>

#include "call/packet_cipher.h"
#include "crypto/primitives.h"

namespace sotto::call {

ReceiveStream::ReceiveStream(transport::SrtpReceiver&& srtp, const ReceiveStreamSettings& settings)
    : reception(settings.ssrc, settings.clock_rate),
      srtp_(std::move(srtp)),
      settings_(settings),
      clock_(settings.clock_rate) {}

Result<ReceiveStream> ReceiveStream::create(SrtpKey<Receiving>&& key, const ReceiveStreamSettings& settings) {
    choose_packet_cipher();
    auto srtp = transport::SrtpReceiver::create(std::move(key), settings.ssrc);
    crypto::wipe_dead_stack();  // of what libsrtp spilled
    if (!srtp) return Failure(srtp.error());
    return ReceiveStream(std::move(*srtp), settings);
}

Result<ReceiveStream::Arrived> ReceiveStream::open_rtp(MutableBytes datagram, Instant now) {
    const auto length = srtp_.unprotect_rtp(datagram);
    if (!length) return Failure(length.error());
    const auto packet = transport::parse_rtp(datagram.first(*length));
    if (!packet) return Failure(packet.error());
    if (std::ranges::find(settings_.payload_types, packet->header.payload_type) == settings_.payload_types.end()) {
        return Failure(Error::unknown_stream);
    }

    const Arrived arrived{.packet = *packet, .extended = sequence_.unwrap(packet->header.sequence)};
    reception.received(arrived.extended, packet->header.timestamp, now);
    bytes += packet->payload.size();
    header_bytes += datagram.size() - packet->payload.size();
    return arrived;
}

Result<transport::RtcpReport> ReceiveStream::open_rtcp(MutableBytes datagram, Ssrc ours) {
    const auto length = srtp_.unprotect_rtcp(datagram);
    if (!length) return Failure(length.error());
    auto report = transport::parse_rtcp(datagram.first(*length), ours);
    if (report && report->sender != settings_.ssrc) return Failure(Error::unknown_stream);
    return report;
}

void ReceiveStream::sender_report(const transport::SenderInfo& info, Instant now, std::optional<Duration> round_trip) {
    reception.sender_report(info.ntp, now);
    clock_.sender_report(info, now, round_trip);
}

void ReceiveStream::add_to(ReceiveStats& stats) const {
    stats.packets_received += reception.packets();
    stats.packets_expected += static_cast<std::uint64_t>(reception.expected());
    stats.packets_lost += reception.expected() - static_cast<std::int64_t>(reception.packets());
    stats.bytes_received += bytes;
    stats.header_bytes_received += header_bytes;
    stats.jitter = reception.jitter();
}

}  // namespace sotto::call
