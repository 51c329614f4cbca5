// What the spacing of packets tells of a bottleneck, and what it doesn't.
#include "transport/congestion/packet_spacing.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "support/random.h"

using namespace sotto;
using namespace sotto::test;
using namespace sotto::transport;
using namespace std::chrono_literals;

namespace {

// Sound of 115 bytes each 20 ms, a picture of `picture` bytes each 60 ms; each packet's bits take their time at `rate`.
PacketSpacing seen(double rate, std::size_t picture, Duration jitter = {}, std::uint64_t seed = 1) {
    PacketSpacing spacing;
    SeededRandom random(seed);
    Duration free{};
    const auto send = [&](Duration at, std::size_t bytes) {
        free = std::max(free, at) + Duration(static_cast<std::int64_t>(8e9 * static_cast<double>(bytes) / rate));
        const Duration extra(static_cast<std::int64_t>(random.below(static_cast<std::size_t>(jitter.count()) + 1)));
        const Duration arrived = std::chrono::floor<std::chrono::milliseconds>(free + extra + 50ms);
        spacing.add(Instant{100s} + at, arrived, bytes);
    };
    for (Duration at{}; at < 3s; at += 20ms) {
        if (at % 60ms == 0ms) send(at, picture);
        send(at + 5ms, 115);
    }
    return spacing;
}

}  // namespace

TEST_CASE("packets that wait for one another tell what a thin path takes") {
    for (const double rate : {80e3, 100e3, 150e3}) {
        CAPTURE(rate);
        const auto passes = seen(rate, 600).passes();
        REQUIRE(passes);
        CHECK(*passes >= 0.85 * rate);
        CHECK(*passes <= 1.15 * rate);
    }
}

TEST_CASE("jitter, and a path on which nothing waits, tell nothing") {
    for (const std::uint64_t seed : {1U, 2U, 3U, 4U}) {
        CAPTURE(seed);
        CHECK_FALSE(seen(1e9, 600, 40ms, seed).passes());
    }
    CHECK_FALSE(seen(1e9, 600).passes());
}

TEST_CASE("a large packet right behind another shows room, and a clock that is set anew begins all anew") {
    PacketSpacing spacing;
    spacing.add(Instant{100s}, 10s, 1200);
    spacing.add(Instant{100s + 8ms}, 10s + 8ms, 1200);
    CHECK(spacing.shown() >= 1e6);
    spacing.add(Instant{101s}, 30s, 1200);
    CHECK(spacing.shown() == 0);
}
