#include "transport/fec.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <deque>

#include "transport/fec_packets.h"
#include "transport/gf256.h"
#include "transport/video_jitter_buffer.h"
#include "transport/vp8_payload.h"

using namespace sotto;
using namespace sotto::transport;
using namespace sotto::test;
using namespace std::chrono_literals;

TEST_CASE("a repair packet is what schoolbook arithmetic gives") {
    // Sequence numbers 256 and 257: y is 0 and 1. The repair packet's own is 130: x is 128 + 2.
    const Buffer a = to_buffer(as_bytes("A")), b = to_buffer(as_bytes("BC"));
    const std::array window{FecSource{SequenceNumber{256}, RtpTimestamp{3000}, false, a},
                            FecSource{SequenceNumber{257}, RtpTimestamp{3001}, true, b}};
    const Buffer out = repair(window, SequenceNumber{130});
    const std::uint8_t to_a = gf256::inverse(0x82), to_b = gf256::inverse(0x83);
    CHECK(gf256::multiply(0x82, to_a) == 1);
    CHECK(gf256::multiply(0x83, to_b) == 1);
    const std::array<std::uint8_t, 8> symbol_a{0x00, 1, 0, 0, 0x0b, 0xb8, 'A', 0};
    const std::array<std::uint8_t, 8> symbol_b{0x80, 2, 0, 0, 0x0b, 0xb9, 'B', 'C'};
    REQUIRE(out.size() == 3 + 8);
    CHECK(to_buffer(Bytes(out).first(3)) == to_buffer(as_bytes({"\x01\x00\x02", 3})));
    for (std::size_t i = 0; i < 8; ++i) {
        CHECK(out[3 + i] == std::byte(gf256::multiply(to_a, symbol_a[i]) ^ gf256::multiply(to_b, symbol_b[i])));
    }
}

TEST_CASE("as many repair packets as losses bring all of a window back, marker, time stamp and all, over the wrap") {
    for (std::uint64_t seed = 1; seed <= 300; ++seed) {
        CAPTURE(seed);
        test::SeededRandom random(seed);
        const std::size_t count = seed <= max_fec_window ? seed : 1 + random.below(max_fec_window);
        const Packets sent = random_packets(soon_over_the_wrap, count, random);
        Packets came = sent;
        const std::size_t losses = 1 + random.below(std::min(count, FecDecoder::max_held));
        while (came.packets.size() > count - losses) {
            came.packets.erase(soon_over_the_wrap + static_cast<std::int64_t>(random.below(count)));
        }
        const std::int64_t highest = came.packets.empty() ? soon_over_the_wrap - 1 : came.packets.rbegin()->first;
        FecDecoder decoder;
        std::uint16_t own = static_cast<std::uint16_t>(random.below(65536));
        for (std::size_t i = 0; i < losses; ++i) {
            REQUIRE(take_all(decoder, came, sent));
            REQUIRE(came.packets.size() == count - losses);  // not one too early
            const SequenceNumber number{own++};
            REQUIRE(decoder.insert(repair(sent.window(soon_over_the_wrap, count), number), number, highest));
        }
        REQUIRE(take_all(decoder, came, sent));
        CHECK(came.packets == sent.packets);
        CHECK(decoder.held() == 0);
        CHECK(decoder.counts().used == losses);
    }
}

TEST_CASE("repair packets wait for sources that are only late") {
    test::SeededRandom random(4);
    const Packets sent = random_packets(soon_over_the_wrap, 10, random);
    Packets came = sent;
    came.packets.erase(soon_over_the_wrap + 2);
    came.packets.erase(soon_over_the_wrap + 7);
    FecDecoder decoder;
    const auto window = sent.window(soon_over_the_wrap, 10);
    REQUIRE(decoder.insert(repair(window, SequenceNumber{9}), SequenceNumber{9}, soon_over_the_wrap + 9));
    CHECK_FALSE(decoder.next(came));
    CHECK(decoder.held() == 1);
    came.packets[soon_over_the_wrap + 7] = sent.packets.at(soon_over_the_wrap + 7);
    REQUIRE(take_all(decoder, came, sent));
    CHECK(came.packets == sent.packets);
}

TEST_CASE("overlapping windows bring back together what none could alone") {
    test::SeededRandom random(5);
    const Packets sent = random_packets(soon_over_the_wrap, 12, random);
    Packets came = sent;
    for (const int lost : {1, 5, 6, 10}) came.packets.erase(soon_over_the_wrap + lost);
    FecDecoder decoder;
    std::uint16_t own = 65535;  // over the wrap too
    for (const auto& [first, count] : {std::pair(0, 7), {4, 8}, {3, 6}}) {
        const SequenceNumber number{own++};
        const auto window = sent.window(soon_over_the_wrap + first, static_cast<std::size_t>(count));
        REQUIRE(decoder.insert(repair(window, number), number, soon_over_the_wrap + 11));
        CHECK_FALSE(decoder.next(came));
    }
    const auto window = sent.window(soon_over_the_wrap, 12);
    REQUIRE(decoder.insert(repair(window, SequenceNumber{own}), SequenceNumber{own}, soon_over_the_wrap + 11));
    REQUIRE(take_all(decoder, came, sent));
    CHECK(came.packets == sent.packets);
}

namespace {

// A stream with a repair packet after every `spacing` packets over the last `span`; gives the share of losses that
// stay.
template <class Lost>
double unrepaired(std::uint64_t seed, std::size_t spacing, std::int64_t span, Lost&& lost) {
    test::SeededRandom random(seed);
    Packets sent, came;
    FecDecoder decoder;
    std::uint16_t own = 65000;
    std::int64_t losses = 0;
    for (std::int64_t n = soon_over_the_wrap; n < soon_over_the_wrap + 3000; ++n) {
        sent.packets[n] = random_packet(n, random, 100);
        if (lost(random)) {
            ++losses;
        } else {
            came.packets[n] = sent.packets[n];
        }
        sent.packets.erase(n - 1000);
        came.packets.erase(n - FecDecoder::reach);
        if (static_cast<std::size_t>(n) % spacing == 0) {
            const std::int64_t first = std::max(soon_over_the_wrap, n - span + 1);
            const SequenceNumber number{own++};
            const Buffer bytes = repair(sent.window(first, static_cast<std::size_t>(n - first + 1)), number);
            if (!came.packets.empty() && !lost(random)) {
                static_cast<void>(decoder.insert(bytes, number, came.packets.rbegin()->first));
            }
        }
        REQUIRE(take_all(decoder, came, sent));
    }
    CHECK(decoder.counts().refused == 0);
    CHECK(decoder.counts().contradicted == 0);
    return static_cast<double>(losses - static_cast<std::int64_t>(decoder.counts().used)) / static_cast<double>(losses);
}

}  // namespace

TEST_CASE("sliding windows repair a tenth of losses, one by one and in bursts") {
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
        CAPTURE(seed);
        CHECK(unrepaired(seed, 4, 40, [](test::SeededRandom& random) { return random.chance(0.1); }) < 0.02);
        bool bad = false;  // bursts of 2.5 on average
        CHECK(unrepaired(seed, 2, 48, [&](test::SeededRandom& random) {
                  bad = random.chance(bad ? 0.6 : 0.044);
                  return bad;
              }) < 0.05);
        // Without repair packets enough for the losses they can't.
        CHECK(unrepaired(seed, 40, 40, [](test::SeededRandom& random) { return random.chance(0.1); }) > 0.5);
    }
}

TEST_CASE("a repair packet of a window that came whole goes at once") {
    test::SeededRandom random(8);
    const Packets sent = random_packets(soon_over_the_wrap, 20, random);
    FecDecoder decoder;
    const auto window = sent.window(soon_over_the_wrap, 20);
    REQUIRE(decoder.insert(repair(window, SequenceNumber{1}), SequenceNumber{1}, soon_over_the_wrap + 19));
    CHECK(decoder.held() == 1);
    CHECK_FALSE(decoder.next(sent));
    CHECK(decoder.held() == 0);
    CHECK(decoder.counts().unneeded == 1);
}

TEST_CASE("the oldest of too many repair packets goes, and so does one whose sources nobody holds any more") {
    test::SeededRandom random(9);
    const Packets sent = random_packets(soon_over_the_wrap, 200, random);
    FecDecoder decoder;
    const Packets none;
    for (std::uint16_t i = 0; i < FecDecoder::max_held + 3; ++i) {
        const auto window = sent.window(soon_over_the_wrap + i, 100);
        REQUIRE(decoder.insert(repair(window, SequenceNumber{i}), SequenceNumber{i}, soon_over_the_wrap + 100));
    }
    CHECK_FALSE(decoder.next(none));
    CHECK(decoder.held() == FecDecoder::max_held);
    CHECK(decoder.counts().dropped == 3);
    // The newest source is 28 + 128 on: those that begin before 29 are out of reach.
    const auto late = sent.window(soon_over_the_wrap + 100, 100);
    const Buffer last = repair(late, SequenceNumber{99});
    REQUIRE(decoder.insert(last, SequenceNumber{99}, soon_over_the_wrap + 20 + 128));
    CHECK(decoder.counts().dropped == 4);
    CHECK_FALSE(decoder.next(none));
    CHECK(decoder.counts().out_of_reach == 17);  // 4 to 20
    CHECK(decoder.held() == FecDecoder::max_held - 17);
    CHECK(decoder.insert(last, SequenceNumber{99}, soon_over_the_wrap + 199 + 128).error() == Error::too_late);
}

TEST_CASE("a packet that is recovered but refused elsewhere does not come for ever") {
    test::SeededRandom random(10);
    const Packets sent = random_packets(soon_over_the_wrap, 10, random);
    Packets came = sent;
    came.packets.erase(soon_over_the_wrap + 3);
    FecDecoder decoder;
    for (std::uint16_t own = 0; own < 5; ++own) {
        const auto window = sent.window(soon_over_the_wrap, 10);
        REQUIRE(decoder.insert(repair(window, SequenceNumber{own}), SequenceNumber{own}, soon_over_the_wrap + 9));
    }
    CHECK(decoder.next(came));
    CHECK_FALSE(decoder.next(came));
    CHECK(decoder.held() == 0);
}

TEST_CASE("a window that can't be written is refused") {
    test::SeededRandom random(11);
    Packets sent = random_packets(soon_over_the_wrap, 128, random);
    Buffer out(max_rtp_payload);
    const auto refused = [&](std::span<const FecSource> window) {
        return write_fec(window, SequenceNumber{0}, out).error();
    };
    const auto window = sent.window(soon_over_the_wrap, 128);
    CHECK(refused({}) == Error::invalid_argument);
    CHECK(refused(window) == Error::invalid_argument);
    CHECK(refused(std::array{window[0], window[2]}) == Error::invalid_argument);
    CHECK(refused(std::array{FecSource{}}) == Error::invalid_argument);
    const Buffer large(max_media_payload + 1);
    CHECK(refused(std::array{FecSource{.payload = large}}) == Error::too_large);
    const FecSource longest{.payload = Bytes(large).first(max_media_payload)};
    CHECK(write_fec(std::span(&longest, 1), SequenceNumber{0}, out) == max_rtp_payload);
    CHECK(write_fec(std::span(&longest, 1), SequenceNumber{0}, std::span(out).first(max_rtp_payload - 1)).error() ==
          Error::too_large);
}

TEST_CASE("a repair packet that can be none is refused and counted") {
    FecDecoder decoder;
    const auto refused = [&](std::size_t count, std::size_t symbol, std::int64_t highest = 65536 + 0xff10) {
        Buffer payload(3 + symbol);
        payload[0] = std::byte{0xff};
        payload[2] = static_cast<std::byte>(count);
        const auto inserted = decoder.insert(payload, SequenceNumber{1}, highest);
        return inserted ? std::nullopt : std::optional(inserted.error());
    };
    CHECK(decoder.insert(as_bytes("ab"), SequenceNumber{1}, soon_over_the_wrap).error() == Error::truncated);
    CHECK(refused(1, 6) == Error::truncated);
    CHECK(refused(0, 7) == Error::malformed);
    CHECK(refused(128, 7) == Error::malformed);
    CHECK(refused(127, fec_symbol_overhead + max_media_payload + 1) == Error::too_large);
    CHECK(refused(127, 7, -1) == Error::wrong_state);
    CHECK(decoder.held() == 0);
    CHECK_FALSE(refused(127, fec_symbol_overhead + max_media_payload));
    CHECK_FALSE(refused(1, 7, 65536 + 0xff00 + 127));
    CHECK(refused(1, 7, 65536 + 0xff00 + 128) == Error::too_late);
    CHECK(decoder.counts().refused == 7);
    CHECK(decoder.held() == 2);
}

TEST_CASE("a sum that is no packet, or that is shorter than a packet in it, is dropped and counted") {
    test::SeededRandom random(12);
    Packets sent = random_packets(soon_over_the_wrap, 3, random);
    sent.packets[soon_over_the_wrap].payload.resize(50);
    sent.packets[soon_over_the_wrap + 2].payload.resize(100);
    Packets came = sent;
    came.packets.erase(soon_over_the_wrap + 1);
    const Buffer good = repair(sent.window(soon_over_the_wrap, 3), SequenceNumber{1});
    FecDecoder decoder;
    Buffer size_changed = good;
    size_changed[3] ^= std::byte{0x40};
    REQUIRE(decoder.insert(size_changed, SequenceNumber{1}, soon_over_the_wrap + 2));
    CHECK_FALSE(decoder.next(came));
    CHECK(decoder.counts().contradicted == 1);
    REQUIRE(decoder.insert(Bytes(good).first(3 + 6 + 99), SequenceNumber{1}, soon_over_the_wrap + 2));
    CHECK_FALSE(decoder.next(came));
    CHECK(decoder.counts().contradicted == 2);
    Buffer longer = good;
    longer.resize(max_rtp_payload);
    longer.back() = std::byte{1};  // not the zeros that follow every packet
    REQUIRE(decoder.insert(longer, SequenceNumber{1}, soon_over_the_wrap + 2));
    CHECK_FALSE(decoder.next(came));
    CHECK(decoder.counts().contradicted == 3);
    CHECK(decoder.held() == 0);
    REQUIRE(decoder.insert(good, SequenceNumber{1}, soon_over_the_wrap + 2));
    REQUIRE(take_all(decoder, came, sent));
    CHECK(came.packets == sent.packets);
}

TEST_CASE("the video jitter buffer gives each packet as it came, shown or late, until its slot is taken") {
    test::SeededRandom random(14);
    VideoJitterBuffer buffer({});
    Packets sent;
    constexpr std::int64_t late = soon_over_the_wrap + 150;
    const auto insert = [&](std::int64_t number) {
        const Packet& packet = sent.packets.at(number);
        const RtpPacket rtp{.header = {.marker = packet.marker, .timestamp = packet.timestamp},
                            .payload = packet.payload};
        return buffer.insert(rtp, number, Instant{1s});
    };
    int shown = 0;
    for (std::int64_t n = soon_over_the_wrap; n < soon_over_the_wrap + 200; ++n) {
        Packet packet = random_packet(n, random, 300);
        packet.marker = true;
        Buffer frame = packet.payload;
        frame[0] = std::byte{0x10};  // a key frame
        packet.payload.resize(frame.size() + vp8_descriptor_size);
        REQUIRE(Vp8Packetizer(frame, packet.payload.size(), 5).next(packet.payload));
        sent.packets[n] = packet;
        if (n == late) continue;
        REQUIRE(insert(n));
        while (buffer.next(Instant{n == late + 1 ? 2s : 1s})) ++shown;
        if (n == late + 10) CHECK(insert(late).error() == Error::too_late);
        if (n == late + 20) CHECK(insert(late).error() == Error::too_late);
    }
    CHECK(shown == 199);
    for (std::int64_t n = soon_over_the_wrap - 300; n < soon_over_the_wrap + 300; ++n) {
        CAPTURE(n);
        const auto found = buffer.find_source(n);
        REQUIRE(found.has_value() == (n >= soon_over_the_wrap + 200 - 128 && n < soon_over_the_wrap + 200));
        if (!found) continue;
        CHECK(Packet{found->sequence, found->timestamp, found->marker, to_buffer(found->payload)} ==
              sent.packets.at(n));
    }
    CHECK_FALSE(buffer.find_source(-1));
    CHECK_FALSE(buffer.find_source(-128));
}
