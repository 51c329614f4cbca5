// Both ends of one protected stream, whose keys change.
#pragma once

#include "base/byte_writer.h"
#include "fuzz/harness.h"
#include "transport/rtp.h"
#include "transport/srtp.h"

namespace sotto::fuzz {

class SrtpPair {
  public:
    static constexpr Ssrc ssrc{0x11223344};

    SrtpPair() {
        for (std::size_t i = 1; i < epochs.size(); ++i) check(receiver_.add(key<Receiving>(i), epochs[i]).has_value());
    }

    // The sender goes on under the next key of those that the receiver holds.
    void turn() {
        if (turned_ + 1 == epochs.size()) return;
        ++turned_;
        check(sender_.rekey(key<Sending>(turned_), epochs[turned_]).has_value());
    }

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

    static constexpr std::array epochs{MediaEpoch{}, MediaEpoch{.generation = 0, .epoch = 1},
                                       MediaEpoch{.generation = 1, .epoch = 0}};
    // Another for each of `epochs`.
    template <class Direction>
    static SrtpKey<Direction> key(std::size_t i) {
        SrtpKey<Direction> made;
        std::ranges::fill(made.fill(), static_cast<std::byte>(i));
        return made;
    }

    transport::SrtpSender sender_ = std::move(*transport::SrtpSender::create(key<Sending>(0), ssrc));
    transport::SrtpReceiver receiver_ = std::move(*transport::SrtpReceiver::create(key<Receiving>(0), ssrc));
    std::size_t turned_ = 0;
    std::uint16_t next_ = 0x7fff;
};

}  // namespace sotto::fuzz
