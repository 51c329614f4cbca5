#include "call/steady_time.h"

#include <doctest/doctest.h>

using namespace sotto;
using namespace sotto::call;
using namespace std::chrono_literals;

TEST_CASE("a call's time goes on where its client's goes back") {
    SteadyTime time(Instant{1000s});
    CHECK(time.at(Instant{1001s}) == Instant{1001s});
    CHECK(time.at(Instant{1000s + 500ms}) == Instant{1000s + 500ms});  // by little: passed on
    CHECK(time.at(Instant{400s}) == Instant{1001s});
    CHECK(time.at(Instant{402s}) == Instant{1003s});
    CHECK(time.at(Instant{10s}) == Instant{1003s});
    CHECK(time.clients(Instant{1004s}) == Instant{11s});
    CHECK(time.clients(never) == never);
    CHECK(time.at(Instant{50s}) == Instant{1043s});  // forwards: who knows how long it was
}

TEST_CASE("what was captured before the clock was set back is of now") {
    SteadyTime time(Instant{1000s});
    CHECK(time.captured(Instant{999s}) == Instant{999s});
    time.at(Instant{400s});
    CHECK(time.captured(Instant{399s}) == Instant{999s});
    CHECK(time.captured(Instant{999s}) == Instant{1000s});
}
