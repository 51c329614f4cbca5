#include "transport/congestion/feedback_age.h"

#include <doctest/doctest.h>

using namespace sotto;
using namespace sotto::transport;
using namespace std::chrono_literals;

namespace {

// A packet each 10 ms, and each 50 ms a report of what was sent a round trip of 60 ms ago.
struct Path {
    void run(Duration span, bool reports) {
        for (const Instant end = now + span; now < end;) {
            now += 10ms;
            age.sent(now);
            if (reports && (now - begin) % 50ms == 0ms && now - begin > 60ms) age.told(now - 60ms, now);
            overdue = overdue || age.overdue(now);
        }
    }
    static constexpr Instant begin{1000s};
    FeedbackAge age;
    Instant now = begin;
    bool overdue = false;  // at any time
};

Path overdue() {
    Path path;
    path.run(3s, true);
    path.run(200ms, false);
    REQUIRE(path.age.overdue(path.now));
    return path;
}

}  // namespace

TEST_CASE("feedback that comes as ever is not overdue, nor is a path that nothing is known of") {
    Path silent;
    silent.run(3s, false);
    CHECK_FALSE(silent.overdue);
    Path path;
    path.run(3s, true);
    CHECK_FALSE(path.overdue);
    CHECK(path.age.fresh(path.now));
}

TEST_CASE("feedback that stays away is overdue soon, and for a while only") {
    Path path;
    path.run(3s, true);
    path.run(60ms, false);  // one report
    CHECK_FALSE(path.overdue);
    path.run(140ms, false);
    CHECK(path.overdue);
    CHECK_FALSE(path.age.fresh(path.now));
    path.run(600ms, false);
    CHECK_FALSE(path.age.overdue(path.now));
}

TEST_CASE("feedback is due for what was sent alone") {
    Path path;
    path.run(3s, true);
    path.age.told(path.now, path.now + 60ms);
    CHECK(path.age.overdue_from() == never);
    CHECK_FALSE(path.age.overdue(path.now + 10s));
}

TEST_CASE("a report ends what was overdue") {
    Path path = overdue();
    path.age.told(path.now - 60ms, path.now);
    CHECK_FALSE(path.age.overdue(path.now));
}

TEST_CASE("a report that is old itself does not end it, nor is what stands in a queue taken for usual") {
    Path path = overdue();
    path.age.told(path.now - 150ms, path.now);
    CHECK(path.age.overdue(path.now));
    path.age.told(path.now - 50ms, path.now);
    CHECK_FALSE(path.age.overdue(path.now));
    path.overdue = false;
    path.run(200ms, false);
    CHECK(path.overdue);  // as soon as before
}

TEST_CASE("feedback that is suspected to be overdue is so at once, unless it is as young as ever") {
    Path path;
    path.run(3s, true);
    path.age.suspect(path.now, false);
    CHECK_FALSE(path.age.overdue(path.now));
    path.run(60ms, false);
    REQUIRE_FALSE(path.age.overdue(path.now));
    path.age.suspect(path.now, false);
    CHECK(path.age.overdue(path.now));
    path.age.told(path.now - 60ms, path.now);
    CHECK_FALSE(path.age.overdue(path.now));
}

TEST_CASE("feedback that is suspected to stay away for long is overdue while it is, three seconds at most") {
    for (const bool for_long : {false, true}) {
        CAPTURE(for_long);
        Path path = overdue();
        path.age.suspect(path.now, for_long);  // begins now, and no suspicion begins it anew
        const Instant from = path.age.overdue_from();
        for (const Instant end = path.now + 5s; path.now < end && path.age.overdue(path.now);) {
            path.run(10ms, false);
            path.age.suspect(path.now, for_long);
        }
        CHECK(path.now - from == (for_long ? 3s : 450ms));
    }
    Path once = overdue();
    once.age.suspect(once.now, true);
    once.age.suspect(once.now + 400ms, true);
    CHECK(once.age.overdue(once.now + 540ms));
    CHECK_FALSE(once.age.overdue(once.now + 560ms));
}
