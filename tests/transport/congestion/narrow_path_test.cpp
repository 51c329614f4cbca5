#include "transport/congestion/narrow_path.h"

#include <doctest/doctest.h>

#include "transport/congestion/media_flow.h"

using namespace sotto;
using namespace sotto::test;
using namespace sotto::transport;
using namespace std::chrono_literals;

namespace {

constexpr Instant begin{1000s};

// A path over which so much was seen to arrive.
NarrowPath wide(double rate = 500e3) {
    NarrowPath path;
    path.passed(rate);
    return path;
}

// Each report tells of a queue that the least rate does not empty.
bool is_narrow_after(int reports, Duration interval, NarrowPath path = wide()) {
    for (int i = 0; i < reports; ++i) path.told(true, begin + i * interval);
    return path.is_narrow();
}

// Whether a call over a link of such rates is ever told to be narrow, in `from` to `to`.
bool finds_narrow(const std::vector<RateStep>& steps, Duration from, Duration to, std::uint64_t seed) {
    Events events;
    Bottleneck link(events, steps, 500ms);
    MediaFlow::Plan plan;
    plan.rate.minimum = 14'000;
    MediaFlow flow(events, link, {}, plan, seed);
    bool narrow = false;
    for (Duration t = from; t < to; t += 20ms) {
        events.run(t);
        narrow = narrow || flow.rate().is_narrow();
    }
    return narrow;
}

}  // namespace

TEST_CASE("a path is narrow when a second and four reports tell of it without a break") {
    CHECK(is_narrow_after(21, 50ms));
    CHECK_FALSE(is_narrow_after(20, 50ms));  // .95 s
    CHECK(is_narrow_after(4, 400ms));
    CHECK_FALSE(is_narrow_after(3, 800ms));
    NarrowPath path = wide();
    for (int i = 0; i < 100; ++i) path.told(i % 15 != 14, begin + i * 50ms);
    CHECK_FALSE(path.is_narrow());
}

TEST_CASE("one report tells that a path is narrow over which 100 kbit/s never arrived") {
    CHECK(is_narrow_after(1, 50ms, wide(99e3)));
    CHECK_FALSE(is_narrow_after(1, 50ms, wide(101e3)));
}

TEST_CASE("beyond 60 kbit/s a path is narrow no more, and only a narrow one takes less than 40") {
    NarrowPath path = wide(50e3);
    CHECK(path.least() == 40e3);
    path.told(true, begin);
    CHECK(path.least() == 0);
    path.holds(60e3);
    CHECK(path.is_narrow());
    path.holds(60.1e3);
    CHECK_FALSE(path.is_narrow());
    CHECK(path.least() == 40e3);
}

TEST_CASE("what arrives starves a call where it is less than sound and less than was sent") {
    CHECK(NarrowPath::starves(45e3, 60e3));
    CHECK_FALSE(NarrowPath::starves(45e3, 50e3));
    CHECK_FALSE(NarrowPath::starves(51e3, 100e3));
    CHECK(NarrowPath::starves(27e3, 27e3));
    CHECK_FALSE(NarrowPath::starves(29e3, 29e3));
}

TEST_CASE("a first report that is late over a long round trip tells of a narrow path") {
    CHECK(NarrowPath().begins(350ms, 200ms, 100e3));
    CHECK_FALSE(NarrowPath().begins(349ms, 200ms, 0));
    CHECK_FALSE(NarrowPath().begins(350ms, 199ms, 0));
    CHECK_FALSE(NarrowPath().begins(350ms, 200ms, 101e3));
}

TEST_CASE("a narrow path leaves the rate to a short queue, a long one lowers it") {
    NarrowPath path = wide(30e3);
    CHECK(path.left(10ms, 80e3) == 0);
    CHECK(path.packet(25e3) == 0ms);
    CHECK(path.growth(25e3) == 1);
    path.told(true, begin);
    CHECK(path.left(10ms, 80e3) == 50e3);
    CHECK(path.left(10ms, 30e3) == 30e3);
    CHECK(path.left(30ms, 80e3) == 0);
    CHECK(path.packet(25e3) == 30ms);
    CHECK(path.growth(25e3) == 0.125);
}

TEST_CASE(
    "a link that falls from 500 to 40 kbit/s is narrow if it stays so, not if it is back in a second and a half") {
    const RateStep wide_link{.at = 0s, .rate = 500e3}, fall{.at = 10s, .rate = 40e3};
    for (std::uint64_t seed = 31; seed < 41; ++seed) {
        CAPTURE(seed);
        for (const Duration back : {10800ms, 11500ms}) {
            CHECK_FALSE(finds_narrow({wide_link, fall, {.at = back, .rate = 500e3}}, 5s, 20s, seed));
        }
        CHECK(finds_narrow({wide_link, fall}, 11500ms, 14s, seed));
        CHECK_FALSE(finds_narrow({wide_link, fall, {.at = 20s, .rate = 500e3}}, 30s, 31s, seed));
    }
}
