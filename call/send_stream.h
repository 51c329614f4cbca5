// One RTP stream going out: numbered, protected, kept for retransmission, queued. The last step of call/video_sender.cpp.
#pragma once

#include <string>

#include "call/outbox.h"
#include "sotto/random.h"
#include "sotto/srtp_key.h"
#include "sotto/stats.h"
#include "transport/rtcp.h"
#include "transport/rtp.h"
#include "transport/send_history.h"
#include "transport/srtp.h"

namespace sotto::call {

struct SendStreamSettings {
    Ssrc ssrc{};
    PayloadType payload_type{};
    std::size_t history = 128;  // packets kept
};

class SendStream {
  public:
    static constexpr std::size_t max_payload = transport::max_rtp_packet - transport::rtp_header_size;

    static Result<SendStream> create(SrtpKey<Sending>&& key, const SendStreamSettings& settings, Random& random);

    // Where the next packet's payload goes: max_payload bytes, in place.
    MutableBytes payload_room();
    // Sends the `size` bytes written there.
    Result<void> send(std::size_t size, RtpTimestamp timestamp, bool marker, Outbox& outbox);

    // The random start of the time stamps (RFC 3550 §5.1) plus `ticks`.
    RtpTimestamp timestamp(std::uint64_t ticks) const { return first_timestamp_ + static_cast<std::uint32_t>(ticks); }

    // What an SR says of what was sent so far (RFC 3550 §6.4.1); `timestamp` stands for `now`.
    transport::SenderInfo sender_info(Instant start, Instant now, RtpTimestamp timestamp) const;
    // Sends a compound packet as this stream's source.
    Result<void> send_report(transport::RtcpOutgoing report, Outbox& outbox);
    // Answers NACKs with the packets as they were sent: same bytes, so no nonce is used twice. Repair never sends more
    // bytes than the stream itself has, so that nobody makes us flood a path by asking.
    void resend(std::span<const SequenceNumber> numbers, Instant now, Duration interval, Outbox& outbox);

    // From the next packet on; what is kept for retransmission stays as it was protected. Error::unavailable.
    Result<void> rekey(SrtpKey<Sending>&& key, MediaEpoch epoch) { return srtp_.rekey(std::move(key), epoch); }
    std::uint64_t packets_under_key() const { return srtp_.rtp_packets(); }

    Ssrc ssrc() const { return settings_.ssrc; }
    std::size_t memory() const { return history_.memory() + control_.memory(); }
    SendStats stats;

  private:
    SendStream(transport::SrtpSender&& srtp, const SendStreamSettings& settings);
    transport::SrtpSender srtp_;
    SendStreamSettings settings_;
    transport::SendHistory history_;
    transport::SendHistory control_{8};
    SequenceNumber next_{};
    SequenceNumber next_control_{};
    RtpTimestamp first_timestamp_{};
    std::size_t repair_budget_ = 0;  // bytes
};

}  // namespace sotto::call
