// Keys that follow one another on one stream: the MKI chooses, the packet index goes on, each key has its limit.
#include <doctest/doctest.h>

#include <algorithm>
#include <deque>
#include <vector>

#include "base/byte_writer.h"
#include "support/mutate.h"
#include "transport/srtp.h"

using namespace sotto;
using namespace sotto::transport;

namespace {

constexpr Ssrc ssrc{0x0a0b0c0d};

// The key of an epoch; every epoch has another.
template <class Direction>
SrtpKey<Direction> key(MediaEpoch epoch) {
    test::SeededRandom random(1000 + epoch.number());
    SrtpKey<Direction> made;
    random.fill(made.fill());
    return made;
}

MediaEpoch epoch(int number) { return {.generation = 0, .epoch = static_cast<std::uint16_t>(number)}; }

struct alignas(8) Packet {
    std::array<std::byte, 64> bytes{};
    std::size_t size = 0;
    MutableBytes view() { return std::span(bytes).first(size); }
};

// A sender that changes keys and a receiver that holds those it was given.
struct Stream {
    SrtpSender sender = std::move(*SrtpSender::create(key<Sending>({}), ssrc));
    SrtpReceiver receiver = std::move(*SrtpReceiver::create(key<Receiving>({}), ssrc));

    void send_under(MediaEpoch next) { REQUIRE(sender.rekey(key<Sending>(next), next)); }
    void hold(MediaEpoch next) { REQUIRE(receiver.add(key<Receiving>(next), next)); }

    static Packet plain(std::uint16_t sequence) {
        Packet packet;
        const RtpHeader header{.payload_type = PayloadType{96}, .sequence = SequenceNumber{sequence}, .ssrc = ssrc};
        packet.size = *write_rtp_header(header, packet.bytes) + 20;
        return packet;
    }
    Packet protect(int number) {
        Packet packet = plain(static_cast<std::uint16_t>(number));
        const auto size = sender.protect_rtp(packet.bytes, packet.size);
        REQUIRE(size);
        packet.size = *size;
        return packet;
    }
    Packet report() {
        Packet packet;
        ByteWriter(packet.bytes).u8(0x80).u8(201).u16(1).u32(ssrc.value);
        const auto size = sender.protect_rtcp(packet.bytes, 8);
        REQUIRE(size);
        packet.size = *size;
        return packet;
    }
    Result<std::size_t> open(Packet packet) { return receiver.unprotect_rtp(packet.view()); }
    Result<std::size_t> open_report(Packet packet) { return receiver.unprotect_rtcp(packet.view()); }
};

}  // namespace

TEST_CASE("the last two bytes name generation and epoch, modulo 256, in RTP and RTCP") {
    Stream stream;
    stream.send_under({.generation = 0x1234, .epoch = 0x5678});
    const auto ends_in_mki = [](Packet packet) {
        const Bytes mki = packet.view().last(2);
        return mki[0] == std::byte{0x34} && mki[1] == std::byte{0x78};
    };
    CHECK(ends_in_mki(stream.protect(1)));
    CHECK(ends_in_mki(stream.report()));
    CHECK(stream.protect(2).size == 32 + 18);
    CHECK(stream.report().size == 8 + 22);
}

TEST_CASE("packets of an epoch whose keys are not held are unknown, and open once they are") {
    Stream stream;
    REQUIRE(stream.open(stream.protect(1)));
    stream.send_under(epoch(1));
    const Packet packet = stream.protect(2);
    const Packet report = stream.report();
    CHECK(stream.open(packet).error() == Error::unknown_epoch);
    CHECK(stream.open_report(report).error() == Error::unknown_epoch);
    CHECK(stream.receiver.latest() == epoch(0));
    stream.hold(epoch(1));
    CHECK(stream.open(packet));
    CHECK(stream.open_report(report));
    CHECK(stream.receiver.latest() == epoch(1));
}

TEST_CASE("keys that were dropped open nothing more") {
    Stream stream;
    const Packet late = stream.protect(1);
    stream.hold(epoch(1));
    stream.send_under(epoch(1));
    REQUIRE(stream.open(stream.protect(2)));
    stream.receiver.drop(epoch(0));
    CHECK(stream.open(late).error() == Error::unknown_epoch);
    CHECK(stream.open(stream.protect(3)));
}

TEST_CASE("each epoch opens by its own key alone: another's under its MKI is forged and changes nothing") {
    Stream stream;
    stream.hold(epoch(1));
    const Packet present = stream.protect(1);
    Packet forged = present;  // the MKI is no part of what is authenticated, the key is
    forged.bytes[forged.size - 1] = std::byte{1};
    for (int i = 0; i < 3; ++i) CHECK(stream.open(forged).error() == Error::forged);
    CHECK(stream.receiver.latest() == epoch(0));
    CHECK(stream.open(present));
    stream.send_under(epoch(1));
    const Packet genuine = stream.protect(2);
    Packet flipped = genuine;
    flipped.bytes[20] ^= std::byte{1};
    CHECK(stream.open(flipped).error() == Error::forged);
    CHECK(stream.receiver.latest() == epoch(0));
    CHECK(stream.open(genuine));
}

TEST_CASE("forged packets of an epoch to come don't move the packet index its first genuine one is opened at") {
    Stream stream;
    REQUIRE(stream.open(stream.protect(65000)));  // index 65000, rollover 0
    stream.hold(epoch(1));
    stream.send_under(epoch(1));
    const Packet genuine = stream.protect(65001);
    for (const int claimed : {100, 40000, 65535, 32768}) {
        Packet forged = genuine;
        ByteWriter(std::span(forged.bytes).subspan(2)).u16(static_cast<std::uint16_t>(claimed));
        CHECK(stream.open(forged).error() == Error::forged);
    }
    CHECK(stream.open(genuine));
}

TEST_CASE("a packet is opened once, before a change of keys and after it, in RTP and RTCP") {
    Stream stream;
    const Packet first = stream.protect(1);
    const Packet report = stream.report();
    REQUIRE(stream.open(first));
    REQUIRE(stream.open_report(report));
    stream.hold(epoch(1));
    stream.send_under(epoch(1));
    const Packet second = stream.protect(2);
    const Packet later_report = stream.report();
    REQUIRE(stream.open(second));
    REQUIRE(stream.open_report(later_report));
    CHECK(stream.open(first).error() == Error::replayed);
    CHECK(stream.open(second).error() == Error::replayed);
    CHECK(stream.open_report(report).error() == Error::replayed);
    CHECK(stream.open_report(later_report).error() == Error::replayed);
    // Moved to the other key they are forgeries.
    Packet moved = first;
    moved.bytes[moved.size - 1] = std::byte{1};
    CHECK(stream.open(moved).error() == Error::forged);
}

TEST_CASE("a key protects as many packets as its limit says and no more, until another takes its place") {
    SrtpSender sender = std::move(*SrtpSender::create(key<Sending>({}), ssrc, {.rtp = 3, .rtcp = 2}));
    int next = 0;
    const auto protect = [&] {
        Packet packet = Stream::plain(static_cast<std::uint16_t>(next++));
        return sender.protect_rtp(packet.bytes, packet.size);
    };
    const auto report = [&] {
        Packet packet;
        ByteWriter(packet.bytes).u8(0x80).u8(201).u16(1).u32(ssrc.value);
        return sender.protect_rtcp(packet.bytes, 8);
    };
    for (int round = 0; round < 3; ++round) {
        CAPTURE(round);
        for (std::uint64_t used = 0; used < 3; ++used) {
            CHECK(sender.rtp_packets() == used);
            CHECK(protect());
        }
        CHECK(protect().error() == Error::key_exhausted);
        CHECK(protect().error() == Error::key_exhausted);
        CHECK(report());  // each has its own
        CHECK(report());
        CHECK(report().error() == Error::key_exhausted);
        REQUIRE(sender.rekey(key<Sending>(epoch(round + 1)), epoch(round + 1)));
    }
}

TEST_CASE("2^20 packets and 2^31 reports are a key's limits") {
    CHECK(SrtpLimits{}.rtp == 1048576);
    CHECK(SrtpLimits{}.rtcp == 2147483648);  // RFC 3711 §9.2
}

TEST_CASE("keys may change at, before and after the wrap of the sequence number, in any rollover") {
    for (const int rollover : {0, 1, 2, 5}) {
        for (const int change : {-2, -1, 0, 1, 2}) {
            CAPTURE(rollover);
            CAPTURE(change);
            Stream stream;
            stream.hold(epoch(1));
            const int wrap = (rollover + 1) * 65536;
            for (int i = 1000; i < wrap - 8; i += 20000) REQUIRE(stream.open(stream.protect(i)));
            for (int i = wrap - 8; i < wrap + 8; ++i) {
                if (i == wrap + change) stream.send_under(epoch(1));
                CAPTURE(i);
                REQUIRE(stream.open(stream.protect(i)));
            }
        }
    }
}

TEST_CASE("whatever overtakes what around a change of keys at the wrap, every packet opens") {
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
        CAPTURE(seed);
        test::SeededRandom random(seed);
        Stream stream;
        stream.hold(epoch(1));
        stream.hold(epoch(2));
        const int wrap = 65536 * (1 + static_cast<int>(random.below(3)));
        for (int i = 1000; i < wrap - 40; i += 20000) REQUIRE(stream.open(stream.protect(i)));
        const int first = wrap - 10 + static_cast<int>(random.below(20));
        const int second = first + static_cast<int>(random.below(10));
        std::vector<Packet> packets;
        for (int i = wrap - 40; i < wrap + 40; ++i) {
            if (i == first) stream.send_under(epoch(1));
            if (i == second) stream.send_under(epoch(2));
            packets.push_back(stream.protect(i));
        }
        for (std::size_t i = packets.size() - 1; i > 0; --i) std::swap(packets[i], packets[random.below(i + 1)]);
        for (const Packet& packet : packets) REQUIRE(stream.open(packet));
        for (const Packet& packet : packets) REQUIRE(stream.open(packet).error() == Error::replayed);
    }
}

TEST_CASE("a stream whose first packets were all lost opens in a later epoch, and goes on through wraps and changes") {
    test::SeededRandom random(5);
    Stream stream;
    stream.hold(epoch(1));
    stream.send_under(epoch(1));
    int next_epoch = 2;
    std::deque<Packet> held;
    for (int i = 30000; i < 300000; i += 1 + static_cast<int>(random.below(40))) {
        if (random.chance(0.001)) {
            stream.hold(epoch(next_epoch));
            stream.send_under(epoch(next_epoch++));
        }
        const Packet packet = stream.protect(i);
        if (random.chance(0.1)) continue;  // lost
        held.push_back(packet);
        if (held.size() < 5) continue;
        const std::size_t pick = random.below(held.size());
        REQUIRE(stream.open(held[pick]));
        held.erase(held.begin() + static_cast<std::ptrdiff_t>(pick));
    }
    CHECK(next_epoch > 5);
}

TEST_CASE("reports open under the key that their MKI names, in any order around a change") {
    Stream stream;
    stream.hold(epoch(1));
    const Packet first = stream.report();
    stream.send_under(epoch(1));
    const Packet second = stream.report();
    CHECK(stream.open_report(second));
    CHECK(stream.open_report(first));
    CHECK(stream.receiver.latest() == epoch(1));
}
