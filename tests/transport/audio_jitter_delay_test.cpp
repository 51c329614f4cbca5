// How the delay of sound follows a network that stalls, spikes and drifts.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "transport/audio_playout.h"

using namespace sotto;
using namespace sotto::test::playout;

TEST_CASE("after an outage in which the peer went on sending, speech is played with the delay of before") {
    for (const std::int64_t lost : {3, 10, 24, 45, 150}) {
        CAPTURE(lost);
        AudioJitterBuffer buffer({});
        const Run run = play(buffer, 0, 600, block, [&](std::int64_t n) {
            return n >= 200 && n < 200 + lost ? Instant::max() : start + n * block;
        });
        CHECK(run.decoded == 600 - lost);
        CHECK(run.late == 0);
        CHECK(run.largest_delay <= 45ms);
        CHECK(buffer.dropped() <= 1);
    }
}

TEST_CASE("what a stalled network brings all at once is played as far as it is not too old") {
    for (const Duration length : {10ms, 20ms}) {
        for (const Duration stall : {60ms, 200ms, 380ms, 800ms, 2000ms}) {
            CAPTURE(length / 1ms);
            CAPTURE(stall / 1ms);
            AudioJitterBuffer buffer({.block = length});
            std::vector<Sent> packets;
            for (std::int64_t n = 0; n < 6000; ++n) {
                const Instant at = start + n * length;
                const bool stalled = at >= start + 4s && at < start + 4s + stall;
                packets.push_back({n, at, stalled ? start + 4s + stall : at});
            }
            const Run run = play(buffer, packets, length);
            const std::int64_t too_old = std::max<std::int64_t>(0, (stall - 400ms) / length);
            CHECK(run.decoded + static_cast<std::int64_t>(buffer.dropped()) + run.late == 6000);
            CHECK(percent_decoded(run, 4s / length + too_old + 1, 300) >= 95);
            CHECK(run.largest_delay <= 420ms);
            CHECK(run.longest_gap <= stall + 41ms);
            CHECK(run.delay < 120ms);
        }
    }
}

TEST_CASE("a stall alone isn't waited for again, stalls that return are, and are forgotten when they stop") {
    for (const Duration length : {10ms, 20ms}) {
        CAPTURE(length / 1ms);
        const auto stalled = [&](Instant until) {
            std::vector<Sent> packets;
            for (std::int64_t n = 0; n < 60s / length; ++n) {
                const Instant at = start + n * length;
                const Duration phase = (at - start) % 1500ms;  // the network holds the last 300 ms of each 1.5 s
                packets.push_back({n, at, phase >= 1200ms && at < until ? at - phase + 1500ms : at});
            }
            return packets;
        };
        AudioJitterBuffer once({.block = length});
        CHECK(play(once, stalled(start + 1500ms), length).delay < 30ms);
        AudioJitterBuffer often({.block = length});
        const Run run = play(often, stalled(start + 40s), length);
        CHECK(run.largest_target > 150ms);
        for (std::int64_t n = 15s / length; n < 40s / length; ++n) {
            const auto found = run.delays.find(n);
            REQUIRE(found != run.delays.end());
            REQUIRE(found->second > 150ms);
        }
        CHECK(run.delay < 30ms);
    }
}

TEST_CASE(
    "the queue that a call's start fills is not paid for when it has gone, nor one that comes each eight seconds") {
    for (const Duration peak : {120ms, 200ms}) {
        CAPTURE(peak / 1ms);
        // Fills in a second and drains in another.
        const auto queue = [&](Duration since) {
            if (since >= 2s) return Duration::zero();
            return peak * ((since < 1s ? since : 2s - since) / 1ms) / 1000;
        };
        const auto at = [&](std::int64_t n) { return start + n * block + queue(n * block); };
        AudioJitterBuffer once({});
        const Run run = play(once, 0, 400, block, at);
        CHECK(run.late <= peak / block + 1);
        CHECK(run.delay < 30ms);
        AudioJitterBuffer often({});
        const Run returns = play(often, 0, 3000, block,
                                 [&](std::int64_t n) { return start + n * block + queue(n * block % Duration(8s)); });
        CHECK(returns.delay < peak);
        CHECK(percent_decoded(returns, 0, 3000) >= 98);
    }
}

TEST_CASE("a spike of delay each second costs little, with short blocks as with long ones") {
    for (std::uint64_t seed = 1; seed <= 6; ++seed) {
        for (const Duration length : {10ms, 20ms}) {
            CAPTURE(seed);
            CAPTURE(length / 1ms);
            test::SeededRandom random(seed);
            const bool alone = seed % 2 == 0;  // one packet is late, or all wait behind it
            AudioJitterBuffer buffer({.block = length});
            std::vector<Sent> packets;
            Instant free{};
            for (std::int64_t n = 0; n < 60s / length; ++n) {
                const Instant at = start + n * length;
                const Duration spike = n % (1s / length) == 17 ? Duration(380ms) : Duration::zero();
                const Instant arrives = std::max(free, at + spike + uniform(random, 10ms));
                if (!alone) free = arrives;
                packets.push_back({n, at, arrives});
            }
            const Run run = play(buffer, packets, length);
            CHECK(percent_decoded(run, 0, 60s / length) >= 97);
            CHECK(run.longest_gap <= 450ms);
            CHECK(run.largest_delay <= 440ms);
        }
    }
}

TEST_CASE("a clock 200 ppm off and jitter for ten minutes leave the delay bounded and level") {
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
        CAPTURE(seed);
        const Duration length = seed <= 2 ? 10ms : 20ms;
        const Duration sender_block = seed % 2 == 0 ? length + length / 5000 : length - length / 5000;
        test::SeededRandom random(seed);
        AudioJitterBuffer buffer({.block = length});
        std::vector<Sent> packets;
        const std::int64_t minute = 60s / length;
        for (std::int64_t n = 0; n < 10 * minute; ++n) {
            const Instant at = start + n * sender_block;
            packets.push_back({n, at, at + uniform(random, 20ms)});
        }
        const Run run = play(buffer, packets, length);
        CHECK(percent_decoded(run, 0, 10 * minute) >= 98);
        CHECK(run.largest_delay < 100ms);
        const auto mean_delay = [&](std::int64_t from) {
            Duration sum{};
            const auto end = run.delays.lower_bound(from + minute);
            std::int64_t count = 0;
            for (auto i = run.delays.lower_bound(from); i != end; ++i, ++count) sum += i->second;
            return sum / count;
        };
        CHECK(mean_delay(9 * minute) < mean_delay(minute) + 20ms);
    }
}

TEST_CASE("what the next packet brings is played though packets sway by a millisecond or two") {
    int lost = 0, recovered = 0;
    for (std::uint64_t seed = 1; seed <= 8; ++seed) {
        test::SeededRandom random(seed);
        std::vector<Sent> packets;
        for (std::int64_t n = 0; n < 3000; ++n) {
            const bool gone = n % 7 == 3;
            // Few come at once, most behind a picture's packets.
            const Duration queued = random.chance(0.03) ? 0ms : 500us + uniform(random, 900us);
            const Instant at = start + n * block;
            packets.push_back({n, at, gone ? Instant::max() : at + queued, true});
            lost += gone ? 1 : 0;
        }
        AudioJitterBuffer buffer({});
        const Run run = play(buffer, packets);
        recovered += run.recovered;
        CHECK(run.delay < 35ms);
    }
    MESSAGE("recovered " << recovered << " of " << lost);
    CHECK(recovered >= 0.995 * lost);
}

TEST_CASE("sound is made longer with more of it left while a queue is known to grow, and not once it was long ago") {
    // How long after the last packet, of those that come each 10 ms, sound is first made longer for want of the next.
    const auto first_longer = [](std::optional<Duration> noted) {
        AudioJitterBuffer buffer({.block = 10ms});
        buffer.set_least_target(100ms);
        const Instant end = start + 5s;
        std::int64_t number = 0;
        for (Instant now = start; now < end + 1s; now += 1ms) {
            if (now < end && (now - start) % 10ms == 0ms) REQUIRE(insert(buffer, number++, now, short_opus_packet));
            if (noted && now == end + *noted) buffer.note_queue(now);
            while (buffer.deadline() <= now) {
                while (const auto turn = buffer.next(now)) {
                    if (turn->needed && now > end) return now - end;
                    scale(buffer, *turn);
                }
                REQUIRE(buffer.play(now));
            }
        }
        return Duration::max();
    };
    const Duration unknown = first_longer(std::nullopt), known = first_longer(0ms);
    CHECK(known + 20ms < unknown);
    CHECK(unknown < 200ms);
    CHECK(first_longer(-200ms) == unknown);
}
