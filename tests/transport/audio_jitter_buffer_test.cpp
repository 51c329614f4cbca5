#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "transport/audio_playout.h"

using namespace sotto;
using namespace sotto::test::playout;

TEST_CASE("steady arrivals play without concealment at the least delay") {
    AudioJitterBuffer buffer({});
    const Run run = play(buffer, 0, 3000, block, [](std::int64_t n) { return start + n * block; });
    CHECK(run.decoded == 3000);
    CHECK(run.late == 0);
    CHECK(run.largest_delay <= 21ms);
    CHECK(buffer.dropped() == 0);
}

TEST_CASE("a lost block is recovered from the next one, or concealed where that is lost too") {
    AudioJitterBuffer buffer({});
    std::vector<Sent> packets;
    for (std::int64_t n = 0; n < 1000; ++n) {
        const bool lost = n % 10 == 5 || n % 50 == 26;
        const Instant at = start + n * block;
        packets.push_back({n, at, lost ? never : at, true});
    }
    const Run run = play(buffer, packets);
    CHECK(run.decoded == 1000 - 120);
    // 25 and 26 of each fifty go together: 25 is concealed, 26 recovered. The first losses come before we wait for FEC.
    CHECK(run.recovered >= 94);
    CHECK(run.recovered <= 100);
    CHECK(run.late == 0);
}

TEST_CASE("jitter raises the delay until little is late, and the delay stays near the jitter") {
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
        CAPTURE(seed);
        test::SeededRandom random(seed);
        AudioJitterBuffer buffer({});
        const Run run = play(buffer, 0, 6000, block, [&](std::int64_t n) {
            return random.chance(0.03) ? Instant::max()
                                       : start + n * block + std::chrono::microseconds(random.below(60000));
        });
        CHECK(run.decoded > 6000 * 0.95);
        CHECK(run.late < 60);
        CHECK(run.largest_delay < 160ms);
    }
}

TEST_CASE("a delayed burst grows the delay, calm shrinks it again") {
    AudioJitterBuffer buffer({});
    const Run burst = play(buffer, 0, 200, block, [](std::int64_t n) {
        const Instant due = start + n * block;
        return n % 40 >= 30 ? std::max(due, start + (n / 40 * 40 + 40) * block) : due;
    });
    CHECK(burst.largest_delay > 100ms);
    const Run calm = play(buffer, 300, 6000, block, [](std::int64_t n) { return start + n * block; });
    CHECK(calm.delay < burst.largest_delay);
    CHECK(calm.delay < 60ms);
}

TEST_CASE("silence of over a second stops playing, and the next packet starts it anew") {
    AudioJitterBuffer buffer({});
    const Run first = play(buffer, 0, 10, block, [](std::int64_t n) { return start + n * block; });
    CHECK(first.played >= 50);
    CHECK(first.played <= 65);
    CHECK(buffer.deadline() == never);
    const Run second = play(buffer, 500, 10, block, [](std::int64_t n) { return start + n * block; });
    CHECK(second.decoded == 10);
}

TEST_CASE("a sender's clock that is 100 ppm off is followed for an hour, either way") {
    for (const std::int64_t off_ns : {2000, -2000}) {
        CAPTURE(off_ns);
        AudioJitterBuffer buffer({});
        const Duration sender_block = block + Duration(off_ns);
        const Run run = play(buffer, 0, 180000, sender_block, [&](std::int64_t n) { return start + n * sender_block; });
        CHECK(run.decoded > 180000 - 60);
        CHECK(run.delay < 100ms);
        CHECK(run.delay >= 0ms);
    }
}

TEST_CASE("duplicates, old packets and what is no block of ours are refused by name") {
    AudioJitterBuffer buffer({});
    REQUIRE(insert(buffer, 100, start));
    CHECK(insert(buffer, 100, start).error() == Error::replayed);
    CHECK(insert(buffer, 99, start).error() == Error::too_late);
    const auto refused = [&](Buffer payload) {
        return buffer.insert({.header = {}, .payload = payload}, 101, start).error();
    };
    CHECK(refused({}) == Error::truncated);
    CHECK(refused({std::byte{0x00}, std::byte{1}}) == Error::malformed);  // 10 ms
    CHECK(refused({std::byte{0x0b}}) == Error::malformed);
    Buffer large(1277);
    large[0] = std::byte{0x08};
    CHECK(refused(large) == Error::malformed);
    AudioJitterBuffer short_blocks({.block = 10ms});
    large[0] = std::byte{0x00};
    large.resize(641);
    CHECK(insert(short_blocks, 1, start, large).error() == Error::too_large);
    large.resize(640);
    CHECK(insert(short_blocks, 1, start, large));
    REQUIRE(buffer.next(start + 20ms));
    REQUIRE(buffer.play(start + 20ms));
    CHECK(insert(buffer, 100, start + 21ms).error() == Error::too_late);
}

TEST_CASE("a jump of numbers starts anew instead of playing hours of nothing") {
    AudioJitterBuffer buffer({});
    REQUIRE(insert(buffer, 100, start));
    REQUIRE(insert(buffer, 1'000'000, start + 5ms));
    const auto turn = buffer.next(buffer.deadline());
    REQUIRE(turn);
    CHECK(turn->kind == AudioTurn::Kind::decode);
    CHECK(turn->timestamp.value == static_cast<std::uint32_t>(1'000'000ULL * 960));
}

TEST_CASE("after a pause of any length, speech whose numbers go on is played at once, and the target stays") {
    for (const Duration length : {10ms, 20ms}) {
        for (const Duration pause : {40ms, 100ms, 300ms, 500ms, 900ms, 1100ms, 3000ms, 60000ms}) {
            CAPTURE(length / 1ms);
            CAPTURE(pause / 1ms);
            AudioJitterBuffer buffer({.block = length});
            std::vector<Sent> packets;
            for (std::int64_t n = 0; n < 300; ++n) {
                const Instant at = start + n * length + n / 100 * pause;
                packets.push_back({n, at, at});
            }
            const Run run = play(buffer, packets, length);
            CHECK(run.decoded == 300);
            CHECK(run.late == 0);
            CHECK(run.largest_target == 5ms);
            CHECK(run.largest_delay <= 41ms);
        }
    }
}

TEST_CASE("a straggler from before a pause doesn't pass for jitter after it") {
    AudioJitterBuffer buffer({});
    std::vector<Sent> packets;
    for (std::int64_t n = 0; n < 200; ++n) {
        const Instant at = start + n * block + n / 100 * 500ms;
        packets.push_back({n, at, n == 97 ? start + 100 * block + 510ms : at});
    }
    const Run run = play(buffer, packets);
    CHECK(run.decoded == 199);
    CHECK(run.late == 1);
    CHECK(run.largest_target < 50ms);  // the one lost keeps room for FEC
}

TEST_CASE("what is known of the jitter outlasts a pause") {
    AudioJitterBuffer buffer({});
    play(buffer, 0, 100, block, [](std::int64_t n) { return start + n * block + std::abs(n % 8 - 4) * 10ms; });
    REQUIRE(buffer.deadline() == never);
    REQUIRE(insert(buffer, 100, start + 10s));
    CHECK(buffer.deadline() >= start + 10s + 30ms);
    CHECK(buffer.deadline() <= start + 10s + 50ms);
}

TEST_CASE("the room for jitter isn't added to the delay of what a stall held up") {
    AudioJitterBuffer buffer({});
    const Run run = play(buffer, 0, 200, block, [](std::int64_t n) {
        const Instant at = start + n * block;
        if (n < 80) return at + n % 2 * 100ms;
        return n < 100 ? start + 100 * block : at;
    });
    CHECK(run.largest_delay > 350ms);
    CHECK(run.largest_delay <= 401ms);
    CHECK(run.delay <= 401ms);
}

TEST_CASE("each spurt of speech is played, whatever the pauses and the jitter") {
    for (std::uint64_t seed = 1; seed <= 8; ++seed) {
        CAPTURE(seed);
        test::SeededRandom random(seed);
        const Duration length = seed % 2 == 0 ? 10ms : 20ms;
        AudioJitterBuffer buffer({.block = length});
        std::vector<Sent> packets;
        std::vector<std::size_t> spurts;  // where each begins
        Instant at = start;
        for (int spurt = 0; spurt < 60; ++spurt) {
            spurts.push_back(packets.size());
            const Instant end = at + 1s + uniform(random, 4s);
            for (; at < end; at += length) {
                const auto number = static_cast<std::int64_t>(packets.size());
                packets.push_back({number, at, at + 30ms + uniform(random, 40ms)});
            }
            at += 100ms + uniform(random, 4900ms);
        }
        spurts.push_back(packets.size());
        const Run run = play(buffer, packets, length);
        for (std::size_t i = 0; i + 1 < spurts.size(); ++i) {
            CAPTURE(i);
            const auto from = static_cast<std::int64_t>(spurts[i]);
            CHECK(percent_decoded(run, from, static_cast<std::int64_t>(spurts[i + 1]) - from) >= 90);
        }
        CHECK(percent_decoded(run, 0, static_cast<std::int64_t>(packets.size())) >= 97);
        CHECK(run.largest_target < 100ms);
        CHECK(run.largest_delay < 200ms);
    }
}

TEST_CASE("turns that nobody took leave the newest sound, not an ever larger delay") {
    AudioJitterBuffer buffer({});
    for (std::int64_t n = 0; n < 100; ++n) static_cast<void>(insert(buffer, n, start + n * block));
    const Instant now = start + 100 * block;
    int turns = 0, decoded = 0;
    for (; now >= buffer.deadline(); ++turns) {
        while (const auto turn = buffer.next(now)) decoded += turn->kind == AudioTurn::Kind::decode ? 1 : 0;
        REQUIRE(buffer.play(now));
    }
    CHECK(turns <= 21);
    CHECK(decoded >= 18);
    const Run after = play(buffer, 100, 100, block, [](std::int64_t n) { return start + n * block; });
    CHECK(after.decoded >= 100);
    CHECK(after.largest_delay <= 41ms);
}

TEST_CASE("the memory of both block lengths stays under 56 KiB") {
    for (const Duration length : {10ms, 20ms}) CHECK(AudioJitterBuffer({.block = length}).memory() < 56 * 1024);
}

TEST_CASE("a copy fills a hole whose turn has not come, and any other is counted as unused") {
    AudioJitterBuffer buffer({});
    CHECK(buffer.insert_redundant(opus_packet, 100, 1, start));  // nothing plays yet
    REQUIRE(insert(buffer, 100, start));
    CHECK(buffer.insert_redundant(opus_packet, 100, 1, start));
    CHECK(buffer.redundant_unused() == 2);
    REQUIRE(buffer.next(start + 5ms));
    REQUIRE(buffer.play(start + 5ms));
    CHECK(buffer.insert_redundant(opus_packet, 102, 2, start + 40ms));  // has been played
    CHECK(buffer.insert_redundant(opus_packet, 102, 1, start + 40ms));
    CHECK(buffer.insert_redundant(opus_packet, 102, 1, start + 40ms));
    REQUIRE(insert(buffer, 102, start + 40ms));
    CHECK(insert(buffer, 101, start + 41ms).error() == Error::replayed);
    CHECK(buffer.redundant_used() == 1);
    CHECK(buffer.redundant_unused() == 4);
    for (const std::uint32_t number : {101U, 102U}) {
        const Instant now = buffer.deadline() + 20ms;
        const auto turn = buffer.next(now);
        REQUIRE(turn);
        CHECK(turn->kind == AudioTurn::Kind::decode);
        CHECK(turn->timestamp.value == number * 960);
        REQUIRE(buffer.play(now));
    }
    CHECK(buffer.insert_redundant({}, 104, 1, start).error() == Error::truncated);
    CHECK(buffer.insert_redundant(short_opus_packet, 104, 1, start).error() == Error::malformed);
    CHECK(buffer.insert_redundant(opus_packet, 1'000'001, 1, start));  // far ahead: only a packet itself begins anew
    CHECK(buffer.redundant_unused() == 5);
}

TEST_CASE("nothing is decoded before a block is due, nor more than it needs") {
    AudioJitterBuffer buffer({});
    CHECK_FALSE(buffer.next(start));
    CHECK_FALSE(buffer.play(start));
    REQUIRE(insert(buffer, 0, start));
    CHECK_FALSE(buffer.next(start + 4ms));
    REQUIRE(insert(buffer, 1, start + 20ms));
    CHECK_FALSE(buffer.play(start + 20ms));  // nothing is held
    REQUIRE(buffer.next(start + 20ms));
    CHECK_FALSE(buffer.next(start + 20ms));
    buffer.scaled(-240);
    CHECK(buffer.held() == 960 - 240);
    REQUIRE(buffer.play(start + 20ms));  // was due at 5 ms: the next at 20
    CHECK(buffer.held() == 0);
    CHECK(buffer.deadline() == start + 20ms);
    CHECK_FALSE(buffer.play(start + 20ms));
    REQUIRE(buffer.next(start + 20ms));
    buffer.scaled(240);
    CHECK_FALSE(buffer.next(start + 20ms));
    CHECK(buffer.play(start + 20ms));
    CHECK(buffer.deadline() == start + 45ms);
    CHECK_FALSE(buffer.next(start + 44ms));
}

TEST_CASE("short blocks are joined to be shortened, for a pitch period may be as long as one of them") {
    AudioJitterBuffer buffer({.block = 10ms});
    // Jitter that ends leaves more delay than there should be.
    std::int64_t joined = 0, alone = 0;
    std::int64_t number = 0;
    for (Instant now = start; now < start + 20s; now += 1ms) {
        while (number * 10ms <= now - start - (number < 300 && number % 3 != 0 ? 60ms : 0ms)) {
            static_cast<void>(insert(buffer, number++, now, short_opus_packet));
        }
        while (buffer.deadline() <= now) {
            while (const auto turn = buffer.next(now)) {
                if (turn->scale != AudioTurn::Scale::shorten) continue;
                ++(buffer.held() == 960 ? joined : alone);
                CHECK(turn->scale_limit <= buffer.held() * 3 / 4);
                buffer.scaled(-std::min<std::int64_t>(turn->scale_limit, 384));
            }
            REQUIRE(buffer.play(now));
        }
    }
    CHECK(joined > 3);
    CHECK(joined > 2 * alone);
    CHECK(buffer.concealed() < 20);
}

TEST_CASE("the delay comes to a few milliseconds of where it should be, not to a whole block") {
    for (const Duration length : {10ms, 20ms}) {
        for (const Duration late : {4ms, 9ms, 13ms, 18ms}) {
            CAPTURE(length / 1ms);
            CAPTURE(late / 1ms);
            AudioJitterBuffer buffer({.block = length});
            std::vector<Sent> packets;
            // The first packets are late, which nobody can know.
            for (std::int64_t n = 0; n < 1000; ++n) {
                const Instant at = start + n * length;
                packets.push_back({n, at, at + (n < 20 ? late : 0ms)});
            }
            const Run run = play(buffer, packets, length);
            CHECK(run.decoded == 1000);
            CHECK(run.delay < 13ms);  // the target, and less than a pitch period
        }
    }
}

TEST_CASE("a packet of several blocks gives each of them in its turn, and only whole blocks up to 60 ms are taken") {
    // RFC 6716 §3.1: TOC configuration 1 is SILK of 20 ms, 2 of 40, 3 of 60, 0 of 10; code 1: two frames of that.
    struct Case {
        unsigned toc;
        int blocks;  // of 20 ms; 0: malformed
    };
    for (const auto& [toc, blocks] : {Case{0x08, 1}, Case{0x10, 2}, Case{0x18, 3}, Case{0x09, 2}, Case{0x01, 1},
                                      Case{0x00, 0}, Case{0x11, 0}, Case{0x19, 0}}) {
        CAPTURE(toc);
        AudioJitterBuffer buffer({});
        Buffer payload(9, std::byte{0});
        payload[0] = static_cast<std::byte>(toc);
        const RtpTimestamp first{100 * 960};
        const auto inserted = buffer.insert({.header = {.timestamp = first}, .payload = payload}, 100, start);
        REQUIRE(inserted.has_value() == (blocks > 0));
        if (blocks == 0) {
            CHECK(inserted.error() == Error::malformed);
            continue;
        }
        CHECK(buffer.insert({.header = {.timestamp = first}, .payload = payload}, 100, start).error() ==
              Error::replayed);
        for (int part = 0; part < blocks; ++part) {
            const Instant due = buffer.deadline();
            const auto turn = buffer.next(due);
            REQUIRE(turn);
            CHECK(turn->kind == AudioTurn::Kind::decode);
            CHECK(turn->part == part);
            CHECK(turn->parts == blocks);
            CHECK(turn->timestamp.value == first.value + static_cast<std::uint32_t>(part) * 960);
            CHECK(std::ranges::equal(turn->packet, payload));
            REQUIRE(buffer.play(due));
        }
        CHECK(buffer.concealed() == 0);
    }
}

TEST_CASE("of a long packet that comes late what is still due is played, and it fills no place that is taken") {
    AudioJitterBuffer buffer({});
    Buffer block_itself(9, std::byte{0}), packet(9, std::byte{0});
    block_itself[0] = std::byte{0x08}, packet[0] = std::byte{0x18};
    REQUIRE(insert(buffer, 100, start, block_itself));
    REQUIRE(buffer.insert_redundant(block_itself, 103, 1, start));  // 102
    const Instant due = buffer.deadline();
    REQUIRE(buffer.next(due));
    REQUIRE(buffer.play(due));
    CHECK(insert(buffer, 98, due, packet).error() == Error::too_late);  // from before play began
    REQUIRE(insert(buffer, 101, due + 1ms, packet));                    // 101 to 103
    for (const auto& [part, parts] : {std::pair{0, 3}, std::pair{0, 1}, std::pair{2, 3}}) {
        const Instant at = buffer.deadline();
        const auto turn = buffer.next(at);
        REQUIRE(turn);
        CHECK(turn->kind == AudioTurn::Kind::decode);
        CHECK(turn->part == part);
        CHECK(turn->parts == parts);
        REQUIRE(buffer.play(at));
    }
    // A copy is of one block.
    CHECK(buffer.insert_redundant(packet, 110, 1, buffer.deadline()).error() == Error::malformed);
}
