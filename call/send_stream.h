// One RTP stream going out: numbered and kept until it leaves, then protected. The last step of call/video_sender.cpp.
#pragma once

#include <string>

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
    std::size_t history = 96;  // packets kept
    std::size_t reports = 4;   // that may wait to leave
};

class SendStream {
  public:
    static Result<SendStream> create(SrtpKey<Sending>&& key, const SendStreamSettings& settings, Random& random);

    // Where the next packet's payload goes: max_media_payload bytes, in place.
    MutableBytes payload_room();
    // Keeps the `size` bytes written there as the next packet, to be protected when it leaves.
    SequenceNumber keep(std::size_t size, PayloadType type, RtpTimestamp timestamp, bool marker);
    // The kept packet as a datagram, written to `room` (max_datagram bytes, aligned as for SrtpSender). Once for each
    // number: another time is Error::replayed. Errors: unavailable (forgotten), those of SrtpSender.
    Result<std::size_t> depart(SequenceNumber number, MutableBytes room);
    // A packet that nobody keeps: its payload of at most max_rtp_payload bytes stands at `room` + rtp_header_size.
    struct Numbered {
        SequenceNumber number{};
        std::size_t size = 0;
    };
    Result<Numbered> depart_at_once(std::size_t size, PayloadType type, RtpTimestamp timestamp, bool marker,
                                    MutableBytes room);
    SequenceNumber next_number() const { return next_; }

    const transport::SendHistory& history() const { return history_; }
    // From now on so many packets are kept; those kept so far are forgotten.
    void keep_more(std::size_t packets) { history_ = {packets, transport::max_media_payload}; }
    // The packet that a NACK names, if it is kept and was not repaired less than `interval` ago. Repair never sends
    // more bytes than the stream itself has, so that nobody makes us flood a path by asking.
    bool may_repair(SequenceNumber number, Instant now, Duration interval);

    // The random start of the time stamps (RFC 3550 §5.1) plus `ticks`.
    RtpTimestamp timestamp(std::uint64_t ticks) const { return first_timestamp_ + static_cast<std::uint32_t>(ticks); }

    // What an SR says of what was sent so far (RFC 3550 §6.4.1); `timestamp` stands for `now`.
    transport::SenderInfo sender_info(Instant start, Instant now, RtpTimestamp timestamp) const;
    // Keeps a compound packet as this stream's source, to leave by depart_report().
    Result<SequenceNumber> keep_report(transport::RtcpOutgoing report);
    Result<std::size_t> depart_report(SequenceNumber number, MutableBytes room);

    // For all that leaves from now on. Error::unavailable.
    Result<void> rekey(SrtpKey<Sending>&& key, MediaEpoch epoch) { return srtp_.rekey(std::move(key), epoch); }
    std::uint64_t packets_under_key() const { return srtp_.rtp_packets(); }

    Ssrc ssrc() const { return settings_.ssrc; }
    std::size_t memory() const { return history_.memory() + control_.memory(); }
    SendStats stats;

  private:
    SendStream(transport::SrtpSender&& srtp, const SendStreamSettings& settings);
    Result<std::size_t> protect(const transport::RtpHeader& header, std::size_t payload, MutableBytes room);

    transport::SrtpSender srtp_;
    SendStreamSettings settings_;
    transport::SendHistory history_;
    transport::SendHistory control_;
    SequenceNumber next_{};
    SequenceNumber next_control_{};
    RtpTimestamp first_timestamp_{};
    std::size_t repair_budget_ = 0;  // bytes
};

}  // namespace sotto::call
