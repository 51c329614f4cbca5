// What a peer that holds the keys can do to a call: it costs no memory, a bounded amount of work, and the call goes on.
#include <doctest/doctest.h>

#include "sim/two_party.h"
#include "support/keyed_peer.h"

namespace sotto::test {
inline std::size_t held = 0;  // counted by support/allocations.h, which one file of a program includes
}

using namespace sotto;
using namespace sotto::test;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t most_memory = 4 * 1024 * 1024;
constexpr PayloadType vp8{96};

// A call that an attack is made on, and what must hold after it.
struct Attacked {
    explicit Attacked(std::uint64_t seed) : held_before(held), peer(seed) {
        peer.talk(1s, true);
        memory = peer.stats().memory;
        REQUIRE(peer.shown > 20);
    }
    // Pictures come again within a second of honesty, and ours go on; later, if the peer spoke ill of the path before.
    void check_alive(Duration patience = 2s) {
        const int shown = peer.shown;
        const std::uint64_t frames = peer.stats().video_sent.frames_sent;
        const Instant honest = peer.now;
        Duration took = 1h;
        const auto ours = [&] { return peer.stats().video_sent.frames_sent - frames; };
        while (peer.now < honest + 2s || (ours() < 10 && peer.now < honest + patience)) {
            peer.talk(40ms, true);
            if (peer.shown > shown) took = std::min<Duration>(took, peer.now - honest);
        }
        const CallStats stats = peer.stats();
        MESSAGE("pictures after ms " << took / 1ms << ", " << peer.shown - shown << " in ms "
                                     << (peer.now - honest) / 1ms << "; ours " << ours() << "; memory KiB "
                                     << stats.memory / 1024 << " (before " << memory / 1024 << "), by operator new "
                                     << (held - held_before) / 1024 << "; most outputs at once " << peer.most_outputs
                                     << "; sent " << peer.sent.datagrams << " datagrams, " << peer.sent.rtcp
                                     << " of them RTCP; refused " << stats.refused.total());
        CHECK(took <= 1s);
        CHECK(peer.shown - shown >= 20);
        CHECK(ours() >= 10);
        CHECK(stats.memory < most_memory);
        CHECK(held - held_before < most_memory);
        CHECK(peer.most_outputs < 500);
    }

    std::size_t held_before;
    KeyedPeer peer;
    std::size_t memory = 0;
};

// RTCP of feedback alone (RFC 4585 §6.1): NACK pairs of a packet identifier and a bit mask.
Buffer nack_list(std::uint16_t first, int pairs, std::uint16_t step) {
    std::array<std::byte, 1400> room{};
    ByteWriter out(room);
    out.u8(0x81).u8(205).u16(static_cast<std::uint16_t>(2 + pairs));
    out.u32(KeyedPeer::its_video.value).u32(KeyedPeer::our_video.value);
    for (int i = 0; i < pairs; ++i, first = static_cast<std::uint16_t>(first + step)) out.u16(first).u16(0xffff);
    return to_buffer(Bytes(room).first(out.size()));
}

}  // namespace

TEST_CASE("reports of arrivals that cannot be move no memory and stop no pictures") {
    for (const std::uint64_t seed : {1U, 2U, 3U}) {
        CAPTURE(seed);
        Attacked call(seed);
        KeyedPeer& peer = call.peer;
        const std::uint64_t refused = peer.stats().feedback_refused;
        int told = 0;
        for (int i = 0; i < 250; ++i) {
            peer.talk(20ms, false);
            for (int k = 0; k < 40; ++k) {
                transport::CongestionFeedback arrived;
                arrived.timestamp = static_cast<std::uint32_t>(peer.random.below(std::size_t{1} << 32));
                for (const Ssrc ssrc : {KeyedPeer::our_video, KeyedPeer::our_audio, KeyedPeer::our_video}) {
                    const std::size_t back =
                        peer.random.below(3) == 0 ? peer.random.below(65536) : peer.random.below(80);
                    arrived.begin(ssrc, SequenceNumber{static_cast<std::uint16_t>(peer.newest_video - back)});
                    for (int n = 0; n < 80; ++n) {
                        arrived.add({static_cast<std::uint16_t>(peer.random.below(65536))});
                    }
                }
                told += peer.rtcp(peer.video, {.congestion = &arrived, .reduced = true}) ? 1 : 0;
                const CallStats stats = peer.stats();
                CHECK(stats.available_outgoing_bitrate > 0);
                CHECK(stats.available_outgoing_bitrate < 10'000'000);
                CHECK(stats.queueing_delay >= 0s);
                CHECK(stats.current_round_trip_time.value_or(Seconds{}) >= 0s);
            }
        }
        MESSAGE("seed " << seed << ": " << told << " reports, " << peer.stats().feedback_refused - refused
                        << " of what they said impossible; rate " << peer.stats().available_outgoing_bitrate);
        CHECK(told == 10'000);
        CHECK(peer.stats().feedback_refused - refused > 100'000);
        call.check_alive(75s);  // so long the least delay is remembered (docs/congestion.md)
    }
}

TEST_CASE("reports that contradict one another are counted, and packets told of once") {
    Attacked call(4);
    KeyedPeer& peer = call.peer;
    const std::uint64_t refused = peer.stats().feedback_refused;
    for (int i = 0; i < 250; ++i) {
        peer.talk(20ms, false);
        for (int k = 0; k < 20; ++k) {
            transport::CongestionFeedback arrived;
            arrived.timestamp = static_cast<std::uint32_t>(peer.now.time_since_epoch() / 1us * 65536 / 1'000'000);
            arrived.begin(KeyedPeer::our_video, SequenceNumber{static_cast<std::uint16_t>(peer.newest_video - 60)});
            // Everything came; nothing did; everything came at another time.
            for (int n = 0; n <= 60; ++n) {
                arrived.add(k % 3 == 1 ? transport::not_received
                                       : transport::arrived_before(static_cast<std::uint16_t>(k % 3 * 100)));
            }
            CHECK(peer.rtcp(peer.video, {.congestion = &arrived, .reduced = true}));
        }
    }
    CHECK(peer.stats().feedback_refused - refused > 10'000);
    call.check_alive();
}

TEST_CASE("a giant list of what to send again brings back no more than is kept, and no more when it is repeated") {
    Attacked call(5);
    KeyedPeer& peer = call.peer;
    const CallStats before = peer.stats();
    const std::uint64_t packets = peer.sent.rtp[KeyedPeer::our_video.value].packets;
    std::uint64_t asked = 0;
    // 290 pairs name 4930 numbers: the newest first, or all over their circle.
    for (int i = 0; i < 1000; ++i) {
        const std::uint16_t step = i % 2 == 0 ? 17 : 225;
        CHECK(peer.rtcp(peer.video, nack_list(static_cast<std::uint16_t>(peer.newest_video - 60), 290, step)));
        asked += 4930;
    }
    peer.poll();
    const CallStats at_once = peer.stats();
    MESSAGE("of " << packets << " packets sent, "
                  << at_once.video_sent.retransmitted_packets_sent - before.video_sent.retransmitted_packets_sent
                  << " were sent again for 1000 lists at once");
    CHECK(at_once.video_sent.retransmitted_packets_sent - before.video_sent.retransmitted_packets_sent <= packets);
    peer.talk(1s, false);  // until what the pacer holds back has left
    const SendStats later = peer.stats().video_sent;
    CHECK(later.retransmitted_packets_sent + later.unrepaired >= asked);

    for (int i = 0; i < 250; ++i) {  // 5 s of it
        peer.talk(20ms, false);
        for (int k = 0; k < 10; ++k) {
            CHECK(peer.rtcp(peer.video, nack_list(static_cast<std::uint16_t>(peer.newest_video - 90), 290, 17)));
        }
    }
    const auto& pictures = peer.sent.rtp[KeyedPeer::our_video.value];
    const auto& repairs = peer.sent.rtp[KeyedPeer::our_repair.value];
    MESSAGE("over 5 s of lists: " << pictures.packets << " packets of " << pictures.bytes << " bytes, "
                                  << repairs.packets << " of " << repairs.bytes << " in the repair stream");
    CHECK(repairs.bytes <= pictures.bytes + 2 * repairs.packets);  // RFC 4588 §4: the original number
    CHECK(peer.stats().video_sent.retransmitted_packets_sent <= repairs.packets);
    call.check_alive();
}

TEST_CASE("a hundred thousand sources are refused, each counted, and none remembered") {
    Attacked call(6);
    KeyedPeer& peer = call.peer;
    const std::uint64_t refused = peer.stats().refused[Error::unknown_stream];
    const std::size_t memory = peer.stats().memory, allocated = held;
    std::array<std::byte, 200> datagram{};
    for (std::uint32_t i = 0; i < 100'000; ++i) {
        ByteWriter(datagram).u8(0x80).u8(96).u16(static_cast<std::uint16_t>(i)).u32(i).u32(1000 + i);
        CHECK_FALSE(peer.session->receive(datagram, peer.now));
        ByteWriter(datagram).u8(0x80).u8(201).u16(1).u32(1000 + i);
        CHECK_FALSE(peer.session->receive(datagram, peer.now));
    }
    CHECK(peer.stats().refused[Error::unknown_stream] == refused + 200'000);

    // Authentic reports that speak about others: 31 blocks, or arrivals of three streams.
    std::uint32_t source = 1000;
    for (int i = 0; i < 100'000 / 34; ++i) {
        std::array<std::byte, 1000> room{};
        ByteWriter out(room);
        out.u8(0x80 | 31).u8(201).u16(1 + 31 * 6).u32(KeyedPeer::its_video.value);
        for (int block = 0; block < 31; ++block) out.u32(source++).u32(0xffffffff).u64(~0ULL).u64(~0ULL);
        CHECK(peer.rtcp(peer.video, Bytes(room).first(out.size())));
        transport::CongestionFeedback arrived;
        for (int stream = 0; stream < 3; ++stream) {
            arrived.begin(Ssrc{source++}, SequenceNumber{});
            arrived.add(transport::arrived_before(0));
        }
        CHECK(peer.rtcp(peer.video, {.congestion = &arrived, .reduced = true}));
    }
    CHECK(peer.stats().memory == memory);
    CHECK(held == allocated);
    CHECK(peer.poll() < 100);
    call.check_alive();
}

TEST_CASE("frames that never end, never begin or lack their middle fill no memory and ask for little") {
    enum class Flaw { no_end, no_start, hole };
    for (int kind = 0; kind < 6; ++kind) {
        const auto flaw = static_cast<Flaw>(kind / 2);
        CAPTURE(kind);
        Attacked call(7);
        KeyedPeer& peer = call.peer;
        const std::uint64_t requests = peer.stats().video_received.pli_count;
        const std::uint64_t rtcp = peer.sent.rtcp;
        Buffer payload(1000);
        payload[1] = kind % 2 == 0 ? std::byte{0x01} : std::byte{0x00};  // RFC 6386 §9.1: refers to others, or does not
        for (int i = 0; i < 250; ++i) {                                  // 5 s
            peer.talk(20ms, false);
            for (int k = 0; k < 80; ++k) {  // 4000 packets a second
                const bool first = k % 8 == 0, last = k % 8 == 7;
                if (first) peer.video.timestamp += 300;
                payload[0] = flaw != Flaw::no_start && first ? std::byte{0x10} : std::byte{};  // RFC 7741 §4.2: S
                const bool left_out = flaw == Flaw::hole && k % 8 == 4;
                if (!left_out) peer.rtp(peer.video, vp8, last && flaw != Flaw::no_end, payload);
                ++peer.video.sequence;
            }
        }
        const CallStats stats = peer.stats();
        MESSAGE("kind " << kind << ", over 5 s: " << stats.video_received.pli_count - requests
                        << " key frames asked for, " << peer.sent.rtcp - rtcp << " RTCP packets, "
                        << stats.video_received.nacked << " packets asked for again, frames given up "
                        << stats.video_received.frames_dropped);
        CHECK(stats.video_received.pli_count - requests <= 5s / 100ms);
        CHECK(peer.sent.rtcp - rtcp <= 5s / 5ms);
        call.check_alive();
    }
}

TEST_CASE("numbers and time stamps that leap leave the call as it is") {
    for (const std::uint64_t seed : {8U, 9U}) {
        CAPTURE(seed);
        Attacked call(seed);
        KeyedPeer& peer = call.peer;
        Buffer payload(200);
        payload[0] = std::byte{0x10};
        const auto leap = [&](KeyedPeer::Stream& stream, PayloadType type) {
            stream.sequence = static_cast<std::uint16_t>(stream.sequence + 1 + peer.random.below(30'000));
            stream.timestamp = static_cast<std::uint32_t>(peer.random.below(std::size_t{1} << 32));
            return peer.rtp(stream, type, peer.random.chance(0.5), payload);
        };
        int taken = 0;
        for (int i = 0; i < 100; ++i) {
            peer.talk(20ms, false);
            for (int k = 0; k < 50; ++k) {
                taken += leap(peer.video, vp8) ? 1 : 0;
                leap(peer.repair, PayloadType{97});
                leap(peer.audio, PayloadType{111});
            }
        }
        MESSAGE("seed " << seed << ": " << taken << " of 5000 pictures' taken, given up "
                        << peer.stats().video_received.given_up << ", asked for again "
                        << peer.stats().video_received.nacked);
        CHECK(taken > 4000);
        call.check_alive();
    }
}

TEST_CASE("after a clock was set back, or forwards by less than a timeout, both see and hear each other") {
    const CallSettings settings{.video_width = 160, .video_height = 120};
    for (const Duration leap : {Duration(-24h), Duration(-5s), Duration(10s)}) {
        CAPTURE(leap.count());
        TwoParty world(11);
        world.connect(settings);
        world.talk(3s, settings);
        REQUIRE(world.callee.shown > 60);
        for (const int leaps : {1, 2}) {
            world.callee.clock += leaps == 1 ? leap : -leap;
            if (leap == -24h && leaps == 2) continue;  // for all that it knows, nothing came for a day
            const int shown = world.callee.shown, datagrams = world.callee.datagrams;
            world.talk(3s, settings);
            const int at_once = world.callee.shown - shown;
            const std::array<int, 4> before{world.callee.shown, world.caller.shown, world.callee.played,
                                            world.caller.played};
            world.talk(2s, settings);
            const std::array<int, 4> after{world.callee.shown, world.caller.shown, world.callee.played,
                                           world.caller.played};
            MESSAGE("leap of s " << leap / 1s << ": in the first 3 s " << at_once << " pictures, in 2 s after it "
                                 << after[0] - before[0] << " and " << after[1] - before[1] << ", blocks of sound "
                                 << after[2] - before[2] << " and " << after[3] - before[3] << ", datagrams "
                                 << world.callee.datagrams - datagrams);
            REQUIRE(world.callee.call->state() == CallState::active);
            for (const std::size_t pictures : {0U, 1U}) CHECK(after[pictures] - before[pictures] >= 55);
            for (const std::size_t blocks : {2U, 3U}) {
                CHECK(after[blocks] - before[blocks] >= 2000 / settings.audio_block_ms - 5);
                CHECK(after[blocks] - before[blocks] <= 2000 / settings.audio_block_ms + 5);
            }
            CHECK(world.callee.datagrams - datagrams < 2500);
            CHECK(world.callee.call->stats().memory < most_memory);
            CHECK(world.callee.call->deadline() >= world.now + world.callee.clock - 5ms);
            CHECK(world.callee.call->deadline() <= world.now + world.callee.clock + 1s);
        }
    }
}

TEST_CASE("a clock that is set forwards by a day ends a call for which nothing came all day, whatever is told first") {
    for (const bool datagram_first : {false, true}) {
        CAPTURE(datagram_first);
        TwoParty world(12);
        world.connect({.video = false});
        world.talk(1s, {.video = false});
        const int played = world.callee.played;
        world.callee.clock = 24h;
        if (datagram_first) {
            CHECK_FALSE(world.callee.call->receive(Buffer(100), world.now + world.callee.clock));
            CHECK(world.callee.call->stats().refused[Error::wrong_state] == 1);
        }
        world.talk(1s, {.video = false});
        REQUIRE(world.callee.ended);
        CHECK(world.callee.ended->reason == EndReason::lost);
        CHECK(world.callee.played == played);
        CHECK(world.callee.call->stats().memory < 64 * 1024);
    }
}
