// What a path loses at any rate, told by what it lost of late.
#include "transport/congestion/loss_share.h"

#include <doctest/doctest.h>

#include "support/random.h"

using namespace sotto;
using namespace sotto::test;
using namespace sotto::transport;
using namespace std::chrono_literals;

namespace {

// A packet each `interval`, of which `loss` are lost.
void pass(LossShare& share, Instant& now, Duration duration, Duration interval, double loss, SeededRandom& random) {
    for (const Instant end = now + duration; now < end; now += interval) {
        share.add(now, static_cast<double>(random.below(1000)) < 1000 * loss);
    }
}

}  // namespace

TEST_CASE("what a full queue dropped at the start is no floor for who sends little afterwards") {
    LossShare share;
    SeededRandom random(1);
    Instant now{1000s};
    pass(share, now, 3s, 10ms, 0.6, random);
    REQUIRE(share.floor() >= 0.5);
    pass(share, now, 4s, 60ms, 0, random);
    CHECK(share.floor() <= 0.1);
}

TEST_CASE("few packets do not tell that a path loses nothing any more") {
    for (const std::uint64_t seed : {1U, 2U, 3U, 4U, 5U}) {
        CAPTURE(seed);
        LossShare share;
        SeededRandom random(seed);
        Instant now{1000s};
        pass(share, now, 10s, 10ms, 0.2, random);
        REQUIRE(share.floor() >= 0.1);
        pass(share, now, 10s, 60ms, 0.2, random);
        CHECK(share.floor() >= 0.09);
    }
}
