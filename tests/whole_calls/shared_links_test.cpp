// Whole calls that share a bottleneck with others.
#include <doctest/doctest.h>

#include <string>

#include "sim/two_party.h"
#include "transport/congestion/tcp_flow.h"
#include "whole_calls/figures.h"

using namespace sotto;
using namespace sotto::test;

namespace {

constexpr CallSettings settings{.video_width = 480, .video_height = 270};

void connect(TwoParty& world) {
    CallSettings listening = settings;
    listening.video = false;
    world.callee.keeps_heard = world.caller.keeps_heard = false;
    REQUIRE(world.dial(settings));
    REQUIRE(world.callee.call->accept(listening, world.now));
    world.settle();
    REQUIRE(world.callee.active);
}

double kbps(std::uint64_t bytes, Duration time) {
    return static_cast<double>(bytes) * 8e-3 / std::chrono::duration<double>(time).count();
}

}  // namespace

TEST_CASE("a call beside a TCP transfer goes on") {
    for (const bool cubic : {false, true}) {
        for (const std::uint64_t seed : {41U, 42U}) {
            CAPTURE(seed);
            CAPTURE(cubic);
            TwoParty world(seed, {.delay = 50ms});
            Events events;
            const Duration begin = world.now.time_since_epoch();
            Bottleneck bottleneck(events, {{0s, 1e6}}, 300ms);
            TcpFlow transfer(events, bottleneck, 50ms, cubic, begin + 10s, begin + 60s);
            world.to_callee.wait_in([&](std::int64_t bytes, Instant now, std::function<void(Instant)> left) {
                events.run(now.time_since_epoch());
                bottleneck.send(static_cast<std::size_t>(bytes),
                                [&events, left = std::move(left)](Duration) { left(events.now()); });
            });
            world.beside = [&](Instant now) { events.run(now.time_since_epoch()); };
            events.run(begin);
            connect(world);
            world.talk(20s, settings);
            const std::uint64_t from = world.to_callee.counts().bytes;
            world.talk(40s, settings);
            const double mine = kbps(world.to_callee.counts().bytes - from, 40s);
            const double others = transfer.got().kbps(begin + 20s, begin + 60s);
            MESSAGE("seed " << seed << std::string(cubic ? ", CUBIC" : ", Reno") << ": kbit/s " << mine << " and "
                            << others << ", share " << mine / (mine + others) << "; longest gap of pictures ms "
                            << in_ms(longest_gap(world.callee, world.now - 40s, world.now)));
            // No limit yet: these pictures want about 400 kbit/s, which is less than half of the bottleneck.
            CHECK(world.callee.call->state() == CallState::active);
        }
    }
}

TEST_CASE("two calls share a bottleneck alike, whichever was there first") {
    for (const std::uint64_t seed : {51U, 52U}) {
        CAPTURE(seed);
        LinkQueue queue;
        queue.set({.rate = 1'500'000, .queue = 300ms});
        TwoParty one(seed, {.delay = 50ms}), other(seed + 100, {.delay = 50ms});
        for (TwoParty* const world : {&one, &other}) {
            world->to_callee.wait_in([&](std::int64_t bytes, Instant now, const std::function<void(Instant)>& left) {
                if (const auto at = queue.depart(bytes, now)) left(*at);
            });
        }
        connect(one);
        one.talk(10s, settings);
        other.now = one.now;
        connect(other);
        const auto both = [&](Duration time) {
            for (const Instant end = one.now + time; one.now < end;) {
                one.talk(1ms, settings);
                other.talk(1ms, settings);
            }
        };
        both(15s);
        const std::uint64_t ones = one.to_callee.counts().bytes, others = other.to_callee.counts().bytes;
        both(20s);
        const double mine = kbps(one.to_callee.counts().bytes - ones, 20s);
        const double its = kbps(other.to_callee.counts().bytes - others, 20s);
        MESSAGE("seed " << seed << ": kbit/s " << mine << " and " << its << ", share " << mine / (mine + its)
                        << "; longest gaps of pictures ms " << in_ms(longest_gap(one.callee, one.now - 20s, one.now))
                        << " and " << in_ms(longest_gap(other.callee, one.now - 20s, one.now)));
        CHECK(mine / (mine + its) >= 0.4);
        CHECK(mine / (mine + its) <= 0.6);
        // How much of it they use is not judged: these pictures want about 400 kbit/s each.
    }
}
