// One RTP stream coming in: authenticated, numbered without wrap, counted. The first step of call/video_receiver.cpp.
#pragma once

#include <array>
#include <optional>

#include "sotto/srtp_key.h"
#include "sotto/stats.h"
#include "transport/clock_sync.h"
#include "transport/reception.h"
#include "transport/rtcp.h"
#include "transport/rtp.h"
#include "transport/sequence.h"
#include "transport/srtp.h"

namespace sotto::call {

struct ReceiveStreamSettings {
    Ssrc ssrc{};
    std::array<PayloadType, 2> payload_types{};  // that it may carry
    std::uint32_t clock_rate = 0;                // Hz
};

class ReceiveStream {
  public:
    static Result<ReceiveStream> create(SrtpKey<Receiving>&& key, const ReceiveStreamSettings& settings);

    struct Arrived {
        transport::RtpPacket packet;  // views the datagram
        std::int64_t extended = 0;    // its sequence number without wrap
    };
    // Decrypts in place. Errors: those of unprotect_rtp() and parse_rtp(), unknown_stream (payload type).
    Result<Arrived> open_rtp(MutableBytes datagram, Instant now);
    // The newest packet's number without wrap; -1 before the first.
    std::int64_t newest() const { return sequence_.newest().value_or(-1); }
    // What number a packet has that comes to us by repair.
    std::int64_t extended(SequenceNumber number) const { return sequence_.peek(number); }
    // What the peer's source reports about our stream `ours`. Errors: those of unprotect_rtcp() and parse_rtcp().
    Result<transport::RtcpReport> open_rtcp(MutableBytes datagram, Ssrc ours);

    // Keys of other epochs; docs/protocol.md, "Epochs". Error::unavailable.
    Result<void> add_key(SrtpKey<Receiving>&& key, MediaEpoch epoch) { return srtp_.add(std::move(key), epoch); }
    void drop_key(MediaEpoch epoch) { srtp_.drop(epoch); }
    MediaEpoch latest_epoch() const { return srtp_.latest(); }

    void sender_report(const transport::SenderInfo& info, Instant now, std::optional<Duration> round_trip);
    std::optional<Duration> sender_time(RtpTimestamp timestamp) const { return clock_.sender_time(timestamp); }
    std::optional<Instant> captured(RtpTimestamp timestamp) const { return clock_.captured(timestamp); }

    // What came, and what is missing.
    void add_to(ReceiveStats& stats) const;
    Ssrc ssrc() const { return settings_.ssrc; }
    transport::ReceptionStats reception;
    std::uint64_t bytes = 0;         // of payload
    std::uint64_t header_bytes = 0;  // of the datagrams that held it

  private:
    ReceiveStream(transport::SrtpReceiver&& srtp, const ReceiveStreamSettings& settings);
    transport::SrtpReceiver srtp_;
    ReceiveStreamSettings settings_;
    transport::SequenceUnwrapper sequence_;
    transport::ClockSync clock_;
};

}  // namespace sotto::call
