#include "transport/path_watch.h"

#include <doctest/doctest.h>

using namespace sotto;
using namespace sotto::transport;
using namespace std::chrono_literals;

namespace {

constexpr Instant start{1000s};

// Datagrams each `every` from `from` for `length`; gives when the last came.
Instant receive(PathWatch& watch, Instant from, Duration length, Duration every) {
    Instant last = from;
    for (Instant now = from; now < from + length; now += every) {
        watch.received(now);
        last = now;
        REQUIRE_FALSE(watch.restart_due(now));
    }
    return last;
}

PathWatch connected() {
    PathWatch watch;
    watch.began(start);
    watch.connected(start + 100ms);
    return watch;
}

}  // namespace

TEST_CASE("a busy path that falls silent is sought anew after a second") {
    PathWatch watch = connected();
    const Instant last = receive(watch, start + 100ms, 5s, 20ms);
    CHECK(watch.deadline() == last + PathWatch::silence);
    CHECK_FALSE(watch.restart_due(last + 999ms));
    CHECK(watch.restart_due(last + 1s));
    watch.began(last + 1s);
    CHECK_FALSE(watch.restart_due(last + 1s));
}

TEST_CASE("a path that was hardly used may be silent") {
    PathWatch watch = connected();
    CHECK(watch.deadline() == never);
    const Instant last = receive(watch, start + 100ms, 60s, 500ms);
    CHECK(watch.deadline() == never);
    CHECK_FALSE(watch.restart_due(last + 1h));
}

TEST_CASE("an attempt that leads nowhere is followed by others, ever more patiently") {
    PathWatch watch;
    CHECK(watch.deadline() == never);
    Instant now = start;
    for (const Duration patience : {3s, 6s, 10s, 10s}) {
        watch.began(now);
        watch.failed(now);  // says nothing new
        CHECK(watch.deadline() == now + patience);
        now += patience;
    }
    watch.connected(now);
    CHECK(watch.deadline() == never);
    watch.began(now);
    CHECK(watch.deadline() == now + 3s);
}

TEST_CASE("a changed network is left a moment to settle, whatever is under way") {
    PathWatch watch;
    watch.began(start);
    watch.network_changed(start + 1s);
    watch.network_changed(start + 1s + 50ms);
    CHECK(watch.deadline() == start + 1s + 50ms + PathWatch::settling);
    watch.began(start + 1200ms);
    watch.connected(start + 1500ms);
    CHECK(watch.deadline() == never);
}

TEST_CASE("a path whose consent is lost is sought anew at once") {
    PathWatch watch = connected();
    watch.failed(start + 10s);
    CHECK(watch.restart_due(start + 10s));
}

TEST_CASE("while a new path is sought silence starts no other attempt") {
    PathWatch watch = connected();
    const Instant last = receive(watch, start + 100ms, 5s, 20ms);
    watch.began(last + 1s);
    watch.received(last + 1100ms);
    CHECK(watch.deadline() == last + 4s);
}

TEST_CASE("where no relay gives an address the next attempt is a second later, however many there were") {
    PathWatch watch;
    Instant now = start;
    for (int attempt = 0; attempt < 5; ++attempt) {
        watch.began(now);
        watch.unreachable(now + 2s);
        CHECK_FALSE(watch.restart_due(now + 2999ms));
        CHECK(watch.deadline() == now + 3s);
        now += 3s;
    }
    // A change of the network does not wait for that.
    watch.began(now);
    watch.unreachable(now + 100ms);
    watch.network_changed(now + 200ms);
    CHECK(watch.deadline() == now + 200ms + PathWatch::settling);
    watch.network_changed(now + 100ms);
    watch.unreachable(now + 150ms);
    CHECK(watch.deadline() == now + 100ms + PathWatch::settling);
}
