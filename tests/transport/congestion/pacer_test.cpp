#include "transport/congestion/pacer.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <utility>

using namespace sotto;
using namespace sotto::transport;
using namespace std::chrono_literals;

TEST_CASE("a paced frame leaves at the rate, after what a few milliseconds allow at once") {
    for (const auto& [bits, most] : {std::pair{600'000, 1}, std::pair{12'000'000, 3}}) {
        CAPTURE(bits);
        Pacer pacer(bits);
        Instant now{1s};
        int at_once = 0;
        while (pacer.may_send(now)) pacer.sent(1200, now), ++at_once;
        CHECK(at_once == most);
        for (int i = 0; i < 100; ++i) {
            now = pacer.next(now);
            REQUIRE(pacer.may_send(now));
            pacer.sent(1200, now);
            CHECK_FALSE(pacer.may_send(now));
        }
        const Duration ideal = 100 * 1200 * 8 * Duration(1s) / bits;
        CHECK(now - Instant{1s} > ideal - 20ms);
        CHECK(now - Instant{1s} < ideal + 20ms);
    }
}

TEST_CASE("more packets leave together where they may, as far as a few milliseconds of the rate allow") {
    const auto at_once = [](int rate, auto... most) {
        Pacer pacer(1'000'000);
        pacer.set_rate(rate, most...);
        const Instant now{1s};
        int sent = 0;
        while (pacer.may_send(now)) pacer.sent(1200, now), ++sent;
        return sent;
    };
    CHECK(at_once(24'000'000) == 3);
    CHECK(at_once(24'000'000, 10) == 11);
    CHECK(at_once(12'000'000, 10) == 6);
    CHECK(at_once(600'000, 10) == 1);
}

TEST_CASE("a frame leaves within a quarter of its interval while no queue stands, more smoothly when one does") {
    CHECK(pacing_rate(2'000'000, 0ms) == 8'000'000);
    CHECK(pacing_rate(2'000'000, 15ms) < 6'000'000);
    CHECK(pacing_rate(2'000'000, 1s) == 3'000'000);
}

TEST_CASE("a large frame leaves no queue on a narrow path that takes a quarter more than the target") {
    for (const int target : {300'000, 400'000, 500'000}) {
        CAPTURE(target);
        Pacer pacer(pacing_rate(target, 0ms));
        const Duration packet = Duration(1s) * 1000 * 8 / (target * 5 / 4);
        Instant now{1s}, link_free{};
        for (int i = 0; i < 6; ++i) {
            now = pacer.next(now);
            pacer.sent(1000, now);
            CHECK(link_free - now < 5ms);  // what sound finds waiting
            link_free = std::max(link_free, now) + packet;
        }
    }
}

TEST_CASE("a target that is lowered to drain a queue leaves pictures a rate to go at") {
    CHECK(pacing_rate(180'000, 0ms) >= 300'000);
    CHECK(pacing_rate(60'000, 0ms) == 240'000);
    for (int target = 40'000; target < 4'000'000; target += 10'000) {
        CAPTURE(target);
        CHECK(pacing_rate(target, 0ms) >= target * 5 / 4);
        CHECK(pacing_rate(target, 0ms) <= pacing_rate(target + 10'000, 0ms));
        CHECK(pacing_rate(target, 100ms) <= pacing_rate(target, 0ms));
    }
}

TEST_CASE("a pacer's clock that steps back pays nothing and asks for no endless wait") {
    Pacer pacer(1'000'000);
    pacer.sent(100'000, Instant{10s});
    CHECK_FALSE(pacer.may_send(Instant{5s}));
    CHECK(pacer.next(Instant{5s}) <= Instant{6s});
}

TEST_CASE("packets that waited for a late timer leave at the pacing rate all the same, but idleness saves up nothing") {
    const auto leave = [](bool waiting) {
        Pacer pacer(8'000'000);  // a packet of 1000 bytes each millisecond
        Instant now{std::chrono::seconds(5)};
        pacer.sent(1000, now);
        int left = 0;
        for (int timer = 0; timer < 20; ++timer, now += std::chrono::milliseconds(20)) {
            pacer.set_waiting(waiting);
            for (; pacer.may_send(now); ++left) pacer.sent(1000, now);
        }
        return left;
    };
    CHECK(leave(true) > 370);
    CHECK(leave(true) < 410);
    CHECK(leave(false) < 100);
}
