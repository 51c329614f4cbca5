// Both ends of one protected stream.
#pragma once

#include "base/byte_writer.h"
#include "fuzz/harness.h"
#include "transport/rtp.h"
#include "transport/srtp.h"

namespace sotto::fuzz {

class SrtpPair {
  public:
    static constexpr Ssrc ssrc{0x11223344};

    // The receiver refuses what was made of the next RTP packet, and still opens the genuine one, once.
    void exchange_rtp(Bytes plan) {
        Buffer packet(transport::rtp_header_size);
        check(transport::write_rtp_header({.sequence = SequenceNumber{next_++}, .ssrc = ssrc}, packet).has_value());
        exchange(std::move(packet), plan, &transport::SrtpSender::protect_rtp, &transport::SrtpReceiver::unprotect_rtp);
    }
    // The same of an empty receiver report (RFC 3550 §6.4.2).
    void exchange_rtcp(Bytes plan) {
        Buffer packet(8);
        ByteWriter(packet).u8(0x80).u8(201).u16(1).u32(ssrc.value);
        exchange(std::move(packet), plan, &transport::SrtpSender::protect_rtcp,
                 &transport::SrtpReceiver::unprotect_rtcp);
    }

  private:
    void exchange(Buffer packet, Bytes plan, auto protect, auto unprotect) {
        const Bytes text = as_bytes("what is said");
        packet.insert(packet.end(), text.begin(), text.end());
        const Buffer plain = packet;
        packet.resize(plain.size() + transport::srtcp_overhead);
        packet.resize(*(sender_.*protect)(packet, plain.size()));

        Buffer foreign = tampered(packet, plan);
        if (foreign != packet) check(!(receiver_.*unprotect)(foreign));
        Buffer again = packet;
        check((receiver_.*unprotect)(packet) == plain.size());
        check(std::ranges::equal(Bytes(packet).first(plain.size()), plain));
        check((receiver_.*unprotect)(again).error() == Error::replayed);
    }

    transport::SrtpSender sender_ = std::move(*transport::SrtpSender::create({}, ssrc));
    transport::SrtpReceiver receiver_ = std::move(*transport::SrtpReceiver::create({}, ssrc));
    std::uint16_t next_ = 0x7fff;
};

}  // namespace sotto::fuzz
