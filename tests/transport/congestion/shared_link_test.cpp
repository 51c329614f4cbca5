// The test cases of RFC 8867 in virtual time: rate control where the link changes or others share it.
#include <doctest/doctest.h>

#include <string>

#include "transport/congestion/media_flow.h"
#include "transport/congestion/tcp_flow.h"

using namespace sotto;
using namespace sotto::test;

namespace {

double share(double mine, double others) { return mine / (mine + others); }

}  // namespace

TEST_CASE("a call follows its link up and down (RFC 8867 §5.1)") {
    for (const std::uint64_t seed : {51U, 52U, 53U}) {
        CAPTURE(seed);
        Events events;
        Bottleneck link(events, {{0s, 1e6}, {40s, 2.5e6}, {60s, 600e3}, {80s, 1e6}}, 300ms);
        MediaFlow call(events, link, {}, {}, seed);
        events.run(100s);
        const double first = call.got().kbps(10s, 40s), second = call.got().kbps(50s, 60s);
        const double third = call.got().kbps(62s, 80s), fourth = call.got().kbps(86s, 100s);
        MESSAGE("seed " << seed << ": kbit/s " << first << ", " << second << ", " << third << ", " << fourth
                        << "; waited ms " << call.got().waited_ms(10s, 60s) << ", " << call.got().waited_ms(62s, 100s));
        CHECK(first >= 780);
        CHECK(second >= 1750);
        CHECK(third >= 480);
        CHECK(fourth >= 750);
        CHECK(call.got().waited_ms(10s, 60s) <= 20);
        CHECK(call.got().waited_ms(62s, 100s) <= 25);
    }
}

TEST_CASE("a call survives a fall to a quarter and is back within five seconds of the rise") {
    for (const std::uint64_t seed : {61U, 62U, 63U}) {
        CAPTURE(seed);
        Events events;
        Bottleneck link(events, {{0s, 1200e3}, {12s, 300e3}, {24s, 1200e3}}, 300ms);
        MediaFlow call(events, link, {}, {}, seed);
        events.run(40s);
        MESSAGE("seed " << seed << ": waited ms in the first second " << call.got().waited_ms(12s, 13s) << ", second "
                        << call.got().waited_ms(13s, 14s) << ", then " << call.got().waited_ms(14s, 24s)
                        << "; kbit/s while low " << call.got().kbps(14s, 24s) << ", 5 s after "
                        << call.got().kbps(29s, 30s));
        CHECK(call.got().waited_ms(13s, 14s) <= 130);
        CHECK(call.got().waited_ms(14s, 24s) <= 25);
        CHECK(call.got().kbps(14s, 24s) >= 0.8 * 300);
        CHECK(call.got().kbps(29s, 31s) >= 0.75 * 1200);
    }
}

TEST_CASE("two calls follow the link that they share (RFC 8867 §5.2)") {
    const std::uint64_t seed = 71;
    CAPTURE(seed);
    Events events;
    Bottleneck link(events, {{0s, 4e6}, {25s, 2e6}, {50s, 3.5e6}, {75s, 1e6}}, 300ms);
    MediaFlow one(events, link, {}, {}, seed), other(events, link, {}, {}, seed + 1);
    events.run(100s);
    for (const Duration from : {30s, 80s}) {
        const double mine = one.got().kbps(from, from + 20s), others = other.got().kbps(from, from + 20s);
        MESSAGE("seed " << seed << ": kbit/s " << mine << " and " << others);
        CHECK(share(mine, others) >= 0.4);
        CHECK(share(mine, others) <= 0.6);
        CHECK(mine + others >= 0.78e-3 * (from == 30s ? 2e6 : 1e6));
    }
}

TEST_CASE("calls that start one after the other come to share the link alike (RFC 8867 §5.4)") {
    for (const std::uint64_t seed : {81U, 82U, 83U}) {
        for (const Duration late : {5s, 20s}) {
            CAPTURE(seed);
            CAPTURE(late.count());
            Events events;
            Bottleneck link(events, {{0s, 1500e3}}, 300ms);
            MediaFlow one(events, link, {}, {}, seed), other(events, link, {}, {.start = late}, seed + 100);
            events.run(late + 50s);
            const double mine = one.got().kbps(late + 20s, late + 50s),
                         others = other.got().kbps(late + 20s, late + 50s);
            MESSAGE("seed " << seed << ": kbit/s " << mine << " and " << others << "; waited ms "
                            << one.got().waited_ms(late + 20s, late + 50s));
            CHECK(share(mine, others) >= 0.4);
            CHECK(share(mine, others) <= 0.6);
            CHECK(mine + others >= 1200);
        }
    }
}

TEST_CASE("a longer way does not cost a call its share (RFC 8867 §5.5)") {
    const std::uint64_t seed = 91;
    CAPTURE(seed);
    Events events;
    Bottleneck link(events, {{0s, 2e6}}, 300ms);
    MediaFlow near(events, link, {.delay = 10ms}, {}, seed),
        far(events, link, {.delay = 100ms}, {.start = 10s}, seed + 1);
    events.run(90s);
    const double mine = near.got().kbps(40s, 90s), others = far.got().kbps(40s, 90s);
    MESSAGE("seed " << seed << ": kbit/s near " << mine << ", far " << others);
    CHECK(share(mine, others) >= 0.33);
    CHECK(share(mine, others) <= 0.67);
}

TEST_CASE("a call that pauses leaves its share to the other and gets it back (RFC 8867 §5.6)") {
    const std::uint64_t seed = 101;
    CAPTURE(seed);
    Events events;
    Bottleneck link(events, {{0s, 2e6}}, 300ms);
    MediaFlow one(events, link, {}, {}, seed), pausing(events, link, {}, {.pause = 40s, .resume = 60s}, seed + 1);
    events.run(100s);
    const double alone = one.got().kbps(46s, 60s);
    const double mine = one.got().kbps(75s, 100s), others = pausing.got().kbps(75s, 100s);
    MESSAGE("seed " << seed << ": kbit/s alone " << alone << ", afterwards " << mine << " and " << others);
    CHECK(alone >= 1400);
    CHECK(share(mine, others) >= 0.4);
    CHECK(share(mine, others) <= 0.6);
}

TEST_CASE("beside a long TCP transfer a call keeps its share, and the queue goes with the transfer (RFC 8867 §5.7)") {
    for (const bool cubic : {false, true}) {
        for (const std::uint64_t seed : {111U, 112U}) {
            CAPTURE(seed);
            CAPTURE(cubic);
            Events events;
            Bottleneck link(events, {{0s, 1e6}}, 300ms);
            MediaFlow call(events, link, {}, {}, seed);
            TcpFlow transfer(events, link, 50ms, cubic, 10s, 80s);
            events.run(100s);
            const double mine = call.got().kbps(20s, 80s), others = transfer.got().kbps(20s, 80s);
            MESSAGE("seed " << seed << std::string(cubic ? ", CUBIC" : ", Reno") << ": kbit/s " << mine << " and "
                            << others << "; afterwards " << call.got().kbps(85s, 100s) << ", waited ms "
                            << call.got().waited_ms(85s, 100s));
            CHECK(share(mine, others) >= 0.4);
            CHECK(share(mine, others) <= 0.6);
            CHECK(call.got().kbps(85s, 100s) >= 750);
            CHECK(call.got().waited_ms(85s, 100s) <= 25);
        }
    }
}
