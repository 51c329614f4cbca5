#include <doctest/doctest.h>

#include "transport/congestion/media_flow.h"

using namespace sotto;
using namespace sotto::test;
using namespace sotto::transport;

namespace {

// One call over one link; what it got is asked for afterwards.
struct Alone {
    Alone(const Path& path, std::vector<RateStep> steps, Duration queue, Duration until, std::uint64_t seed)
        : link(events, std::move(steps), queue), flow(events, link, path, {}, seed) {
        events.run(until);
    }
    int least_target(Duration from) const {
        int least = INT32_MAX;
        for (const auto& [at, target] : flow.targets()) {
            if (at.time_since_epoch() >= from) least = std::min(least, target);
        }
        return least;
    }
    Events events{};
    Bottleneck link;
    MediaFlow flow;
};

const std::vector<RateStep> unlimited{{.at = 0s, .rate = 0}};

}  // namespace

TEST_CASE("losses that come at any rate do not reduce the rate") {
    for (const double loss : {0.05, 0.1, 0.2, 0.4}) {
        for (const double burst : {1.0, 4.0}) {
            const std::uint64_t seed = 11;
            CAPTURE(seed);
            CAPTURE(loss);
            CAPTURE(burst);
            const Alone call({.loss = loss, .burst = burst}, unlimited, 300ms, 20s, seed);
            CHECK(call.least_target(3s) >= 2'500'000);
        }
    }
}

TEST_CASE("a call reaches 2.5 Mbit/s within two seconds where nothing limits it") {
    for (const Duration delay : {20ms, 50ms, 150ms}) {
        CAPTURE(delay.count());
        const Alone call({.delay = delay}, unlimited, 300ms, 10s, 12);
        CHECK(call.least_target(2s) >= 2'500'000);
    }
}

TEST_CASE("a narrow link is used for the most part and its queue stays short") {
    for (const double rate : {150e3, 300e3, 500e3, 1000e3}) {
        for (const std::uint64_t seed : {21U, 22U}) {
            CAPTURE(seed);
            CAPTURE(rate);
            const Alone call({}, {{.at = 0s, .rate = rate}}, 300ms, 40s, seed);
            CHECK(call.flow.got().kbps(8s, 40s) >= 0.82e-3 * rate);
            CHECK(call.flow.got().waited_ms(8s, 40s) <= 25);
        }
    }
}

TEST_CASE("jitter that keeps the order costs little of the rate") {
    for (const std::uint64_t seed : {31U, 32U, 33U}) {
        CAPTURE(seed);
        const Alone call({.jitter = 20ms}, unlimited, 300ms, 30s, seed);
        MESSAGE("seed " << seed << ": mean target kbit/s " << call.flow.mean_target_kbps(5s, 30s));
        CHECK(call.flow.mean_target_kbps(5s, 30s) >= 2300);
    }
}

TEST_CASE("a sender that sends little does not gain a large target by it") {
    Events events;
    Bottleneck link(events, unlimited, 300ms);
    MediaFlow call(events, link, {}, {.video_limit = 300'000}, 41);
    events.run(30s);
    CHECK(call.rate().target() <= 2.5e3 * call.got().kbps(20s, 30s));
}

TEST_CASE("feedback that stays away halves the rate, for seconds to what pictures need, then to the minimum") {
    RateController rate({});
    const Instant start{100s};
    const PacketResult result{.size = 1200, .sent = start, .arrived = 1s};
    CHECK(rate.deadline() == never);
    rate.feedback({&result, 1}, start + 100ms, 100ms);
    const int before = rate.target();
    rate.poll(rate.deadline() - 1ns);
    CHECK(rate.target() == before);
    rate.poll(rate.deadline());
    CHECK(rate.target() == before / 2);
    while (rate.deadline() < start + 5s) rate.poll(rate.deadline());
    CHECK(rate.target() == 300'000);
    for (int i = 0; i < 10; ++i) rate.poll(rate.deadline());
    CHECK(rate.target() == RateSettings{}.minimum);
}

TEST_CASE("impossible feedback leaves the target within its bounds") {
    const std::uint64_t seed = 42;
    CAPTURE(seed);
    SeededRandom random(seed);
    RateController rate({});
    const auto wild = [&] {
        const auto bits = static_cast<std::int64_t>(random.below(SIZE_MAX));
        return Duration(bits >> random.below(64));
    };
    std::vector<PacketResult> results;
    for (int round = 0; round < 3'000; ++round) {
        results.resize(round == 0 ? 1'000'000 : random.below(40));
        for (PacketResult& r : results) {
            r = {.size = random.below(3) == 0 ? SIZE_MAX : 1200, .sent = Instant{wild()}, .arrived = {}};
            if (random.chance(0.5)) r.sent = Instant{std::chrono::milliseconds(round)};
            if (random.chance(0.8)) r.arrived = wild();
        }
        const Instant now{random.chance(0.9) ? Duration(std::chrono::milliseconds(round + 50)) : wild()};
        rate.feedback(results, now, wild());
        if (random.chance(0.1)) rate.poll(Instant{wild()});
        static_cast<void>(rate.probe(Instant{wild()}));
        REQUIRE(rate.target() >= RateSettings{}.minimum);
        REQUIRE(rate.target() <= RateSettings{}.maximum);
        REQUIRE(rate.delivered() >= 0);
        REQUIRE(rate.queueing_delay() >= 0ns);
    }
}
