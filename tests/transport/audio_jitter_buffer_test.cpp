#include "transport/audio_jitter_buffer.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "support/random.h"

using namespace sotto;
using namespace sotto::transport;
using namespace std::chrono_literals;

namespace {

constexpr Duration block = 20ms;
const Instant start{100s};
const Buffer opus_packet{std::byte{0x08}, std::byte{1}, std::byte{2}};  // SILK, 20 ms

Result<void> insert(AudioJitterBuffer& buffer, std::int64_t number, Instant now) {
    const RtpPacket rtp{.header = {.timestamp = RtpTimestamp{static_cast<std::uint32_t>(number * 960)}},
                        .payload = opus_packet};
    return buffer.insert(rtp, number, now);
}

// Packets by arrival, played in virtual time.
struct Run {
    int played = 0, decoded = 0, recovered = 0, late = 0;
    Duration delay{};  // of the last block decoded, from when it was sent
    Duration largest_delay{};
};

template <class Arrival>  // Arrival(number) -> when it arrives; Instant::max() if lost
Run play(AudioJitterBuffer& buffer, std::int64_t from, std::int64_t count, Duration sender_block, Arrival arrival) {
    std::multimap<Instant, std::int64_t> arrivals;
    for (std::int64_t n = from; n < from + count; ++n) {
        const Instant at = arrival(n);
        if (at != Instant::max()) arrivals.emplace(at, n);
    }
    Run run;
    auto next = arrivals.begin();
    while (next != arrivals.end() || buffer.deadline() != never) {
        const bool packet_first = next != arrivals.end() && next->first <= buffer.deadline();
        if (packet_first) {
            if (!insert(buffer, next->second, next->first)) ++run.late;
            ++next;
            continue;
        }
        const Instant now = buffer.deadline();
        const auto turn = buffer.next(now);
        REQUIRE(turn);
        ++run.played;
        if (turn->kind == AudioTurn::Kind::recover) ++run.recovered;
        if (turn->kind != AudioTurn::Kind::decode) continue;
        ++run.decoded;
        const auto number = static_cast<std::int64_t>(turn->timestamp.value / 960);
        run.delay = now - (start + number * sender_block);
        run.largest_delay = std::max(run.largest_delay, run.delay);
    }
    return run;
}

}  // namespace

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
    const Run run = play(buffer, 0, 1000, block, [](std::int64_t n) {
        const bool lost = n % 10 == 5 || n % 50 == 26;
        return lost ? Instant::max() : start + n * block;
    });
    CHECK(run.decoded == 1000 - 120);
    CHECK(run.recovered == 100);  // 25 and 26 of each fifty go together: 25 is concealed, 26 recovered
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

TEST_CASE("silence of over a second stops playing; the next packet starts it anew") {
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
    REQUIRE(buffer.next(start + 20ms));
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
