// A call's edges in time: what overtakes what, what comes too late, what a deadline promises.
#include <doctest/doctest.h>

#include "sim/two_party.h"

using namespace sotto;
using namespace sotto::test;
using namespace std::chrono_literals;

TEST_CASE("a route that overtakes the answer is told once the call is active") {
    TwoParty world(82);
    REQUIRE(world.dial());
    REQUIRE(world.callee.call->set_route(as_bytes("callee here")));
    REQUIRE(world.callee.call->accept({}, world.now));
    std::vector<Buffer> signals;
    while (const auto output = world.callee.call->poll(world.now)) {
        if (const auto* signal = std::get_if<Signal>(&*output)) signals.push_back(to_buffer(signal->bytes));
    }
    REQUIRE(signals.size() == 2);
    CHECK(world.caller.account.receive(signals[1], world.now));
    CHECK_FALSE(world.caller.active);
    CHECK(world.caller.account.receive(signals[0], world.now));
    world.settle();
    CHECK(world.caller.active);
    CHECK(world.caller.route == "callee here");
}

TEST_CASE("however many routes come between two polls, the newest is told") {
    TwoParty world(83);
    world.connect();
    for (const char* const route : {"first", "second", "third"}) {
        REQUIRE(world.callee.call->set_route(as_bytes(route)));
    }
    while (const auto output = world.callee.call->poll(world.now)) {
        if (const auto* signal = std::get_if<Signal>(&*output)) {
            REQUIRE(world.caller.account.receive(signal->bytes, world.now));
        }
    }
    int told = 0;
    std::string route;
    while (const auto output = world.caller.call->poll(world.now)) {
        const auto* const remote = std::get_if<RemoteRoute>(&*output);
        if (remote == nullptr) continue;
        ++told;
        route.assign(reinterpret_cast<const char*>(remote->route.data()), remote->route.size());
    }
    CHECK(told == 1);
    CHECK(route == "third");
}

TEST_CASE("nobody can accept a call that has stopped ringing, even before the next poll") {
    TwoParty world(84);
    REQUIRE(world.dial());
    CHECK(world.callee.call->accept({}, world.now + ring_timeout + 1s).error() == Error::wrong_state);
    CHECK(world.callee.call->state() == CallState::ended);
}

TEST_CASE("a deadline can always be subtracted from: it is never before the time last told") {
    TwoParty world(85);
    REQUIRE(world.dial());
    CHECK(world.callee.call->deadline() >= world.now);
    REQUIRE(world.callee.call->accept({}, world.now));
    CHECK(world.callee.call->deadline() == world.now);  // the answer waits to be taken
    world.settle();
    for (int i = 0; i < 40; ++i) {
        world.talk(25ms);
        CHECK(world.caller.call->deadline() >= world.now - 5ms);
    }
}

TEST_CASE("what an ended call refuses is still counted") {
    TwoParty world(86);
    world.connect();
    world.talk(1s);
    world.caller.call->hang_up(world.now);
    world.settle();
    const auto frames = world.caller.call->stats().video_sent.frames;
    CHECK(frames > 20);
    const auto before = world.caller.call->stats().refused[Error::wrong_state];
    CHECK_FALSE(world.caller.call->receive(Buffer(100), world.now));
    CHECK(world.caller.call->stats().refused[Error::wrong_state] == before + 1);
    CHECK(world.caller.call->stats().video_sent.frames == frames);
}
