#include "transport/srtp.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <deque>

#include "sotto/identity.h"
#include "support/mutate.h"
#include "transport/rtp.h"

using namespace sotto;
using namespace sotto::transport;

namespace {

constexpr Ssrc ssrc{0x0a0b0c0d};

template <class Direction>
SrtpKey<Direction> key(int seed) {
    test::SeededRandom random(static_cast<std::uint64_t>(seed));
    SrtpKey<Direction> made;
    random.fill(made.fill());
    return made;
}

struct alignas(8) Packet {
    std::array<std::byte, 64> bytes{};
    std::size_t size = 0;
    MutableBytes view() { return std::span(bytes).first(size); }
};

Packet plain(std::uint16_t sequence, Ssrc of = ssrc) {
    Packet packet;
    const RtpHeader header{.payload_type = PayloadType{96}, .sequence = SequenceNumber{sequence}, .ssrc = of};
    packet.size = *write_rtp_header(header, packet.bytes) + 20;
    for (std::size_t i = rtp_header_size; i < packet.size; ++i) packet.bytes[i] = static_cast<std::byte>(sequence + i);
    return packet;
}

struct Link {
    SrtpSender sender = std::move(*SrtpSender::create(key<Sending>(1), ssrc));
    SrtpReceiver receiver = std::move(*SrtpReceiver::create(key<Receiving>(1), ssrc));

    Packet protect(std::uint16_t sequence) {
        Packet packet = plain(sequence);
        const auto size = sender.protect_rtp(packet.bytes, packet.size);
        REQUIRE(size);
        packet.size = *size;
        return packet;
    }
    Result<std::size_t> open(Packet packet) { return receiver.unprotect_rtp(packet.view()); }
};

}  // namespace

TEST_CASE("a protected packet opens to what it was, and its payload is hidden on the way") {
    Link link;
    Packet packet = link.protect(7);
    CHECK(packet.size == 32 + srtp_overhead);
    const Packet original = plain(7);
    CHECK(std::equal(packet.bytes.begin(), packet.bytes.begin() + 12, original.bytes.begin()));
    CHECK_FALSE(std::equal(packet.bytes.begin() + 12, packet.bytes.begin() + 32, original.bytes.begin() + 12));
    REQUIRE(link.receiver.unprotect_rtp(packet.view()) == 32);
    CHECK(std::equal(packet.bytes.begin(), packet.bytes.begin() + 32, original.bytes.begin()));
}

TEST_CASE("the rollover counter survives 200,000 packets with losses and reordering at the wraps") {
    Link link;
    test::SeededRandom random(3);
    std::deque<Packet> held;
    int opened = 0;
    int sent = 0;
    for (int i = 0; i < 200000; ++i) {
        Packet packet = link.protect(static_cast<std::uint16_t>(i + 60000));
        if (random.chance(0.05)) continue;  // lost
        ++sent;
        held.push_back(packet);
        if (held.size() < 4) continue;
        const std::size_t pick = random.below(held.size());
        opened += link.open(held[pick]).has_value() ? 1 : 0;
        held.erase(held.begin() + static_cast<std::ptrdiff_t>(pick));
    }
    for (const Packet& packet : held) opened += link.open(packet).has_value() ? 1 : 0;
    CHECK(opened == sent);
}

TEST_CASE("a sequence number cannot be protected twice: no nonce repeats") {
    Link link;
    link.protect(5);
    Packet again = plain(5);
    CHECK(link.sender.protect_rtp(again.bytes, again.size).error() == Error::replayed);
    for (std::uint16_t i = 6; i < 20; ++i) link.protect(i);
    again = plain(5);
    CHECK_FALSE(link.sender.protect_rtp(again.bytes, again.size));
}

TEST_CASE("a replayed packet is refused, and one older than the window is too late") {
    Link link;
    const Packet first = link.protect(100);
    CHECK(link.open(first));
    CHECK(link.open(first).error() == Error::replayed);
    const Packet early = link.protect(101);
    for (std::uint16_t i = 102; i < 102 + 1100; ++i) REQUIRE(link.open(link.protect(i)));
    CHECK(link.open(early).error() == Error::too_late);
}

TEST_CASE("every byte is authenticated: forging any one is noticed and spends nothing") {
    Link link;
    const Packet genuine = link.protect(9);
    for (std::size_t i = 0; i < genuine.size; ++i) {
        Packet forged = genuine;
        forged.bytes[i] ^= std::byte{0x10};
        CHECK_FALSE(link.open(forged));
    }
    for (std::size_t size = 0; size < genuine.size; ++size) {
        Packet cut = genuine;
        cut.size = size;
        CHECK_FALSE(link.open(cut));
    }
    CHECK(link.open(genuine));
}

TEST_CASE("another key, stream or direction opens nothing") {
    Link link;
    const Packet packet = link.protect(9);
    auto other = SrtpReceiver::create(key<Receiving>(2), ssrc);
    Packet copy = packet;
    CHECK(other->unprotect_rtp(copy.view()).error() == Error::forged);
    auto wrong_ssrc = SrtpReceiver::create(key<Receiving>(1), Ssrc{1});
    copy = packet;
    CHECK(wrong_ssrc->unprotect_rtp(copy.view()).error() == Error::unknown_stream);
    Packet foreign = plain(1, Ssrc{1});
    CHECK(link.sender.protect_rtp(foreign.bytes, foreign.size).error() == Error::unknown_stream);
}

TEST_CASE("a packet without room for the tag is refused unchanged") {
    Link link;
    Packet packet = plain(1);
    CHECK(
        link.sender.protect_rtp(std::span(packet.bytes).first(packet.size + srtp_overhead - 1), packet.size).error() ==
        Error::too_large);
    CHECK(link.sender.protect_rtp(packet.bytes, packet.size));
}

TEST_CASE("RTCP is protected and opened, once, and forgeries are refused") {
    Link link;
    alignas(8) std::array<std::byte, 64> packet{};
    const Buffer report = *from_hex("80c900010a0b0c0d");
    std::ranges::copy(report, packet.begin());
    const auto size = link.sender.protect_rtcp(packet, report.size());
    REQUIRE(size == report.size() + srtcp_overhead);
    alignas(8) auto copy = packet;
    for (std::size_t i = 0; i < *size; ++i) {
        copy = packet;
        copy[i] ^= std::byte{0x40};
        CHECK_FALSE(link.receiver.unprotect_rtcp(std::span(copy).first(*size)));
    }
    for (std::size_t cut = 0; cut < *size; ++cut) {
        copy = packet;
        CHECK_FALSE(link.receiver.unprotect_rtcp(std::span(copy).first(cut)));
    }
    copy = packet;
    REQUIRE(link.receiver.unprotect_rtcp(std::span(copy).first(*size)) == report.size());
    CHECK(std::ranges::equal(report, std::span(copy).first(report.size())));
    copy = packet;
    CHECK(link.receiver.unprotect_rtcp(std::span(copy).first(*size)).error() == Error::replayed);
}

TEST_CASE("a protector consumes its key") {
    static_assert(!std::is_copy_constructible_v<SrtpSender>);
    static_assert(!std::is_constructible_v<SrtpSender, SrtpKey<Sending>>);
    static_assert(!std::is_invocable_v<decltype(&SrtpSender::rekey), SrtpSender&, SrtpKey<Sending>&, MediaEpoch>);
    SrtpKey<Sending> once = key<Sending>(1);
    REQUIRE(SrtpSender::create(std::move(once), ssrc));
    CHECK(std::ranges::all_of(once.reveal(), [](std::byte b) { return b == std::byte{0}; }));
}
