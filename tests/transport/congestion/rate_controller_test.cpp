#include <doctest/doctest.h>

#include "transport/congestion/media_flow.h"

using namespace sotto;
using namespace sotto::test;
using namespace sotto::transport;

namespace {

// One call over one link; what it got is asked for afterwards.
struct Alone {
    Alone(const Path& path, std::vector<RateStep> steps, Duration queue, Duration until, std::uint64_t seed,
          const MediaFlow::Plan& plan = {})
        : link(events, std::move(steps), queue), flow(events, link, path, plan, seed) {
        events.run(until);
    }
    const Got& got() const { return flow.got(); }
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
            for (std::uint64_t seed = 11; seed < 16; ++seed) {
                CAPTURE(seed);
                CAPTURE(loss);
                CAPTURE(burst);
                const Alone call({.loss = loss, .burst = burst}, unlimited, 300ms, 20s, seed);
                CHECK(call.least_target(3s) >= 2'500'000);
            }
        }
    }
}

TEST_CASE("a bottleneck that holds hardly a packet is not taken for losses that come at any rate") {
    for (const double rate : {500e3, 1e6, 2e6}) {
        for (std::uint64_t seed = 201; seed < 206; ++seed) {
            CAPTURE(seed);
            CAPTURE(rate);
            Alone call({}, {{.at = 0s, .rate = rate}}, 5ms, 10s, seed);
            const double sent = static_cast<double>(call.flow.sent()), dropped = call.link.dropped();
            call.events.run(30s);
            CHECK(call.link.dropped() - dropped < 0.1 * (static_cast<double>(call.flow.sent()) - sent));
        }
    }
}

TEST_CASE("a call reaches 2.5 Mbit/s within two seconds where nothing limits it") {
    for (const Duration delay : {20ms, 50ms, 100ms, 150ms}) {
        for (std::uint64_t seed = 12; seed < 17; ++seed) {
            CAPTURE(seed);
            CAPTURE(delay.count());
            const Alone call({.delay = delay}, unlimited, 300ms, 10s, seed);
            CHECK(call.least_target(2s + delay) >= 2'500'000);
        }
    }
}

TEST_CASE(
    "all passes where nothing limits a call, but not where a queue has stood or the rate is still to be reached") {
    const MediaFlow::Plan plan{.rate = {.start = 300'000, .maximum = 2'500'000}};
    for (std::uint64_t seed = 12; seed < 15; ++seed) {
        CAPTURE(seed);
        Alone wide({}, unlimited, 300ms, 600ms, seed, plan);
        CHECK_FALSE(wide.flow.rate().passes_all());
        wide.events.run(10s);
        CHECK(wide.flow.rate().passes_all());
        Alone narrow({}, {{.at = 0s, .rate = 1e6}}, 300ms, 10s, seed, plan);
        CHECK_FALSE(narrow.flow.rate().passes_all());
        // A fall that is over has shown a queue.
        Alone fell({}, {{.at = 0s, .rate = 0}, {.at = 5s, .rate = 1e6}, {.at = 8s, .rate = 0}}, 300ms, 15s, seed, plan);
        CHECK_FALSE(fell.flow.rate().passes_all());
        fell.events.run(40s);
        CHECK(fell.flow.rate().passes_all());
    }
}

TEST_CASE("a start beyond a narrow link fills its queue for half a second at most") {
    for (const Duration delay : {20ms, 50ms, 100ms}) {
        for (std::uint64_t seed = 12; seed < 17; ++seed) {
            CAPTURE(seed);
            CAPTURE(delay.count());
            const Alone call({.delay = delay}, {{.at = 0s, .rate = 500e3}}, 300ms, 10s, seed);
            Duration filled{};
            for (Duration t{}; t < 10s; t += 50ms) filled += call.got().waited_ms(t, t + 50ms) > 100 ? 50ms : 0ms;
            CHECK(filled <= 500ms);
            CHECK(call.link.dropped() == 0);
        }
    }
}

TEST_CASE("a narrow link is used for the most part and hardly a queue stands") {
    for (const double rate : {300e3, 500e3, 1000e3}) {
        for (std::uint64_t seed = 21; seed < 26; ++seed) {
            CAPTURE(seed);
            CAPTURE(rate);
            const Alone call({}, {{.at = 0s, .rate = rate}}, 300ms, 40s, seed);
            const double used = call.got().kbps(8s, 40s);
            // What the frames of a sender wait for one another that sends as much and never changes its rate.
            const int same = static_cast<int>(1e3 * used) - 8'000;  // headers come on top
            const Alone steady({}, {{.at = 0s, .rate = rate}}, 300ms, 40s, seed,
                               {.rate = {.minimum = same, .start = same, .maximum = same}});
            MESSAGE("seed " << seed << ": kbit/s " << used << ", waited ms " << call.got().waited_ms(8s, 40s)
                            << " (half at most " << call.got().waited_ms(8s, 40s, 0.5) << ", 95 % at most "
                            << call.got().waited_ms(8s, 40s, 0.95) << "), steady " << steady.got().waited_ms(8s, 40s));
            CHECK(used >= (rate > 600e3 ? 0.82e-3 : 0.85e-3) * rate);
            CHECK(call.got().waited_ms(8s, 40s) <= steady.got().waited_ms(8s, 40s) + 10);
            CHECK(call.got().waited_ms(8s, 40s) <= 25);
        }
    }
}

TEST_CASE("a very narrow link is used and does not overflow") {
    for (std::uint64_t seed = 21; seed < 26; ++seed) {
        CAPTURE(seed);
        Alone call({.delay = 100ms}, {{.at = 0s, .rate = 150e3}}, 500ms, 8s, seed);
        const int dropped = call.link.dropped();
        call.events.run(60s);
        CHECK(call.link.dropped() == dropped);
        CHECK(call.got().kbps(8s, 60s) >= 0.85 * 150);
        CHECK(call.got().waited_ms(8s, 60s, 0.95) <= 80);
    }
}

TEST_CASE("jitter that keeps the order costs little of the rate") {
    for (const Duration jitter : {5ms, 10ms, 20ms}) {
        for (std::uint64_t seed = 31; seed < 36; ++seed) {
            CAPTURE(seed);
            CAPTURE(jitter.count());
            const Alone call({.jitter = jitter}, unlimited, 300ms, 30s, seed);
            CHECK(call.flow.mean_target_kbps(5s, 30s) >= 2300);
        }
    }
}

TEST_CASE("jitter does not hide a bottleneck") {
    for (std::uint64_t seed = 31; seed < 36; ++seed) {
        CAPTURE(seed);
        const Alone call({.jitter = 20ms}, {{.at = 0s, .rate = 1e6}}, 300ms, 40s, seed);
        MESSAGE("seed " << seed << ": waited ms " << call.got().waited_ms(8s, 40s) << ", 95 % at most "
                        << call.got().waited_ms(8s, 40s, 0.95));
        CHECK(call.got().waited_ms(8s, 40s) <= 60);
        CHECK(call.got().kbps(8s, 40s) >= 700);
    }
}

TEST_CASE("a sender that sends little does not gain a large target by it") {
    Events events;
    Bottleneck link(events, unlimited, 300ms);
    MediaFlow call(events, link, {}, {.video_limit = 300'000}, 41);
    events.run(30s);
    CHECK(call.rate().target() <= 2.5e3 * call.got().kbps(20s, 30s));
}

TEST_CASE("a probe shows what a sender of little could send, unless the path spreads it") {
    for (const bool spread : {false, true}) {
        CAPTURE(spread);
        RateController rate({.start = 300'000});
        Duration base = 100s;
        std::vector<PacketResult> told;
        const auto send = [&](Duration at, Duration arrives) {
            told.push_back({.size = 400, .sent = Instant{base + at}, .arrived = base + arrives});
        };
        const auto report = [&] {
            base += 50ms;
            rate.feedback(told, Instant{base + 50ms}, 100ms);
            told.clear();
        };
        const auto seconds_of_little = [&](int count) {
            for (int i = 0; i < 20 * count; ++i) {  // 320 kbit/s
                for (const Duration at : {0ms, 10ms, 20ms, 30ms, 40ms}) send(at, at + 50ms);
                report();
            }
        };
        CHECK_FALSE(rate.probe(Instant{base}));  // nothing is known yet
        seconds_of_little(10);
        const int before = rate.target();
        CHECK(before <= 2.1 * 320'000);
        const auto asked = rate.probe(Instant{base});
        REQUIRE(asked);
        CHECK(*asked > before);
        CHECK_FALSE(rate.probe(Instant{base}));  // one at a time
        for (int i = 0; i < 12; ++i) send(i * 1ms, i * (spread ? 4ms : 1ms) + 50ms);
        report();
        seconds_of_little(10);
        if (spread)
            CHECK(rate.target() <= 1.3 * 800'000);  // what came through
        else
            CHECK(rate.target() >= *asked * 9 / 10);
    }
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

TEST_CASE("a clock that is set back an hour forgets when a queue drained, not for an hour but at once") {
    RateController rate({});
    // A packet each 10 ms, of which each finds the queue by so much longer, and its report 100 ms later.
    const auto send = [&rate](Instant from, Duration span, Duration longer) {
        Duration queue{};
        for (Duration at{}; at < span; at += 10ms, queue += longer) {
            const Instant sent = from + at;
            const PacketResult result{.size = 1200, .sent = sent, .arrived = sent.time_since_epoch() + 50ms + queue};
            rate.feedback({&result, 1}, sent + 100ms + queue, 100ms + queue);
        }
    };
    send(Instant{2h}, 2s, 0ms);
    CHECK_FALSE(rate.drained_lately());
    send(Instant{2h + 2s}, 1s, 2ms);
    CHECK(rate.drained_lately());
    send(Instant{1h}, 1s, 0ms);
    CHECK_FALSE(rate.drained_lately());
    CHECK_FALSE(rate.cut_lately());
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
