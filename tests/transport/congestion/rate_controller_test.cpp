#include <doctest/doctest.h>

#include "transport/congestion/bottleneck.h"

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
        for (const std::uint64_t seed : {21, 22}) {
            CAPTURE(seed);
            CAPTURE(rate);
            const Alone call({}, {{.at = 0s, .rate = rate}}, 300ms, 40s, seed);
            CHECK(call.flow.got().kbps(8s, 40s) >= 0.82e-3 * rate);
            CHECK(call.flow.got().waited_ms(8s, 40s) <= 25);
        }
    }
}
