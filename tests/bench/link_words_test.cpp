// linkem's words as the simulated network takes them.
#include "bench/link_words.h"

#include <doctest/doctest.h>

using namespace sotto;
using namespace sotto::bench;
using namespace std::chrono_literals;

TEST_CASE("a link's words set both directions, or one, now or later") {
    const auto plan =
        parse_link("delay_ms=50 up.loss=0.1 at=2.5:rate_kbps=300 jitter_ms=4 down.burst=3 at=1:up.loss=0 seed=7");
    REQUIRE(plan);
    CHECK(plan->seed == 7);
    for (const auto& way : plan->conditions) {
        CHECK(way.delay == 50ms);
        CHECK(way.late == 4ms);
        CHECK(way.queue.rate == 0);
        CHECK(way.queue.queue == 200ms);
    }
    CHECK(plan->conditions[0].loss == 0.1);
    CHECK(plan->conditions[1].loss == 0);
    CHECK(plan->conditions[0].burst == 1);
    CHECK(plan->conditions[1].burst == 3);
    REQUIRE(plan->changes.size() == 2);
    CHECK(plan->changes[0].at == 1s);
    CHECK(plan->changes[0].conditions[0].loss == 0);
    CHECK(plan->changes[0].conditions[0].queue.rate == 0);
    CHECK(plan->changes[1].at == 2500ms);
    CHECK(plan->changes[1].conditions[0].queue.rate == 300'000);
    CHECK(plan->changes[1].conditions[0].loss == 0);
    CHECK(plan->changes[1].conditions[1].delay == 50ms);
}

TEST_CASE("no words are a link without delay, and what says nothing about one is named") {
    const auto plan = parse_link("  ");
    REQUIRE(plan);
    CHECK(plan->conditions[0].delay == 0ms);
    for (const char* const words : {"delay", "delay_ms=", "delay_ms=-1", "delay_ms=1x", "delay_ms=nan", "delay_ms=inf",
                                    "loss=2", "los=0.1", "at=:loss=0", "at=1:", "at=1:at=2:loss=0", "at=1e9:loss=0",
                                    "up.down.loss=0", "rate_kbps=1e99", "=", "up.seed"}) {
        CAPTURE(words);
        const auto refused = parse_link(words);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().ends_with("says nothing about a link"));
    }
}
