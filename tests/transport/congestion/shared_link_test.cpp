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
    for (std::uint64_t seed = 61; seed < 71; ++seed) {
        CAPTURE(seed);
        Events events;
        Bottleneck link(events, {{0s, 1200e3}, {12s, 300e3}, {24s, 1200e3}}, 300ms);
        MediaFlow call(events, link, {}, {}, seed);
        events.run(40s);
        const auto first = [&](Duration from, auto&& such) {
            for (const auto& [at, target] : call.targets()) {
                if (at.time_since_epoch() >= from && such(target)) return at.time_since_epoch() - from;
            }
            return Duration(1h);
        };
        const Duration under = first(12s, [](int target) { return target <= 300'000; });
        const Duration back = first(24s, [](int target) { return target >= 960'000; });
        MESSAGE("seed " << seed << ": under the new rate after ms " << under / 1ms << ", back after ms " << back / 1ms
                        << "; 95 % waited ms at most " << call.got().waited_ms(12s, 22s, 0.95) << ", a second on "
                        << call.got().waited_ms(13s, 14s) << "; kbit/s while low " << call.got().kbps(14s, 24s));
        CHECK(under <= 33ms + 200ms + 50ms);  // a frame's interval until the queue builds, and the way there
        CHECK(call.got().waited_ms(12s, 22s, 0.95) <= 150);
        CHECK(call.got().waited_ms(13s, 14s) <= 30);
        CHECK(call.got().waited_ms(14s, 24s) <= 25);
        CHECK(call.got().kbps(14s, 24s) >= 0.8 * 300);
        CHECK(call.got().kbps(29s, 31s) >= 0.75 * 1200);
        CHECK(back <= 5s);
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

TEST_CASE("a call is not slowed by a full way back (RFC 8867 §5.3)") {
    for (std::uint64_t seed = 121; seed < 126; ++seed) {
        CAPTURE(seed);
        Events events;
        Bottleneck there(events, {{0s, 2e6}, {20s, 1e6}, {40s, 500e3}, {60s, 2e6}}, 300ms);
        Bottleneck back(events, {{0s, 2e6}, {35s, 800e3}, {70s, 2e6}}, 300ms);
        MediaFlow one(events, there, {}, {.feedback_link = &back}, seed);
        MediaFlow other(events, back, {}, {.feedback_link = &there}, seed + 100);
        events.run(100s);
        MESSAGE("seed " << seed << ": kbit/s there " << one.got().kbps(25s, 40s) << ", " << one.got().kbps(45s, 60s)
                        << ", " << one.got().kbps(70s, 100s) << "; back " << other.got().kbps(40s, 70s) << ", "
                        << other.got().kbps(80s, 100s) << "; waited ms " << one.got().waited_ms(10s, 100s) << ", "
                        << other.got().waited_ms(10s, 100s));
        CHECK(one.got().kbps(25s, 40s) >= 0.75 * 1000);
        CHECK(one.got().kbps(45s, 60s) >= 0.75 * 500);
        CHECK(one.got().kbps(70s, 100s) >= 0.7 * 2000);
        CHECK(other.got().kbps(40s, 70s) >= 0.75 * 800);
        CHECK(other.got().kbps(80s, 100s) >= 0.7 * 2000);
        CHECK(one.got().waited_ms(10s, 100s, 0.95) <= 150);
        CHECK(other.got().waited_ms(10s, 100s, 0.95) <= 150);
    }
}

TEST_CASE("a call that pauses leaves its share to the others and gets it back (RFC 8867 §5.8)") {
    for (std::uint64_t seed = 101; seed < 106; ++seed) {
        CAPTURE(seed);
        Events events;
        Bottleneck link(events, {{0s, 3.5e6}}, 300ms);
        MediaFlow one(events, link, {}, {}, seed), other(events, link, {}, {}, seed + 100);
        MediaFlow pausing(events, link, {}, {.pause = 40s, .resume = 60s}, seed + 200);
        events.run(120s);
        const double while_paused = one.got().kbps(46s, 60s) + other.got().kbps(46s, 60s);
        const double a = one.got().kbps(75s, 120s), b = other.got().kbps(75s, 120s), c = pausing.got().kbps(75s, 120s);
        MESSAGE("seed " << seed << ": kbit/s of two " << while_paused << ", afterwards " << a << ", " << b << " and "
                        << c);
        CHECK(while_paused >= 0.7 * 3500);
        CHECK(share(c, a) >= 0.4);
        CHECK(share(c, a) <= 0.6);
        CHECK(share(c, b) >= 0.4);
        CHECK(share(c, b) <= 0.6);
    }
}

struct AmongFiles {  // two calls and ten who fetch short files, two of them from the start
    explicit AmongFiles(std::uint64_t seed)
        : link(events, {{0s, 2e6}}, 300ms),
          one(events, link, {}, {.start = 5s}, seed),
          other(events, link, {}, {.start = 5s}, seed + 100) {
        for (std::uint64_t i = 0; i < 10; ++i) files.emplace_back(events, link, 50ms, i < 2, end, 1000 * seed + i);
        events.run(end);
        for (const ShortTransfers& f : files) {
            took.insert(took.end(), f.took().begin(), f.took().end());
            kbits += f.kbits();
        }
        std::ranges::sort(took);
    }
    double least() const {  // that a call got in five seconds
        double least = 1e9;
        for (Duration at = 15s; at < end - 5s; at += 1s)
            least = std::min({least, one.got().kbps(at, at + 5s), other.got().kbps(at, at + 5s)});
        return least;
    }
    double took_ms(double share) const {  // that share of the files, at most
        return std::chrono::duration<double, std::milli>(
                   took[static_cast<std::size_t>(share * static_cast<double>(took.size() - 1))])
            .count();
    }
    static constexpr Duration end = 299s;
    Events events{};
    Bottleneck link;
    MediaFlow one, other;
    std::deque<ShortTransfers> files{};
    std::vector<Duration> took{};
    double kbits = 0;
};

// The files are short enough to end in slow start, where Reno and CUBIC are the same.
TEST_CASE("short transfers come through quickly beside calls that go on (RFC 8867 §5.7)") {
    for (std::uint64_t seed = 131; seed < 136; ++seed) {
        CAPTURE(seed);
        const AmongFiles all(seed);
        const Got &one = all.one.got(), &other = all.other.got();
        const double mine = one.kbps(15s, 299s), others = other.kbps(15s, 299s);
        const double waited = std::max(one.waited_ms(15s, 299s, 0.95), other.waited_ms(15s, 299s, 0.95));
        MESSAGE("seed " << seed << ": kbit/s " << mine << " and " << others << ", least of 5 s " << all.least()
                        << "; files " << all.took.size() << ", kbit/s " << all.kbits / 299 << ", took ms "
                        << all.took_ms(0.5) << ", 95 % at most " << all.took_ms(0.95) << ", all " << all.took_ms(1)
                        << "; waited ms " << one.waited_ms(15s, 299s) << " and " << other.waited_ms(15s, 299s)
                        << ", 95 % at most " << waited << "; dropped " << all.link.dropped());
        CHECK(share(mine, others) >= 0.4);
        CHECK(share(mine, others) <= 0.6);
        CHECK(mine + others >= 600);  // of 1700 that the files leave: each of their bursts is a queue to give way to
        CHECK(all.least() >= 70);
        CHECK(std::max(one.waited_ms(15s, 299s), other.waited_ms(15s, 299s)) <= 20);
        CHECK(waited <= 100);
        CHECK(all.took.size() >= 200);
        CHECK(all.took_ms(0.5) <= 450);  // three round trips are 300
        CHECK(all.took_ms(0.95) <= 700);
        CHECK(all.took_ms(1) <= 1500);
    }
}

struct Beside {  // a long TCP transfer from 10 s on
    Beside(double rate, Duration delay, Duration queue, bool cubic, std::uint64_t seed, Duration over = 80s)
        : link(events, {{0s, rate}}, queue),
          call(events, link, {.delay = delay}, {}, seed),
          transfer(events, link, delay, cubic, 10s, over) {
        events.run(over + 20s);
    }
    double shared(Duration from = 20s, Duration to = 80s) const {
        return share(call.got().kbps(from, to), transfer.got().kbps(from, to));
    }
    Events events{};
    Bottleneck link;
    MediaFlow call;
    TcpFlow transfer;
};

TEST_CASE("beside CUBIC a call keeps its share, and the queue goes with the transfer (RFC 8867 §5.6)") {
    for (const double rate : {1e6, 2e6, 4e6}) {
        for (const Duration delay : {20ms, 50ms, 100ms}) {
            for (const Duration queue : {200ms, 300ms}) {
                CAPTURE(rate);
                CAPTURE(delay.count());
                CAPTURE(queue.count());
                double mean = 0;
                for (std::uint64_t seed = 111; seed < 114; ++seed) {
                    CAPTURE(seed);
                    const Beside both(rate, delay, queue, true, seed);
                    mean += both.shared() / 3;
                    CHECK(both.call.got().kbps(88s, 100s) >= 0.7e-3 * std::min(rate, 2.5e6));
                    CHECK(both.call.got().waited_ms(88s, 100s) <= 30);
                }
                MESSAGE("Mbit/s " << rate / 1e6 << ", delay ms " << delay / 1ms << ", queue ms " << queue / 1ms
                                  << ": share " << mean);
                CHECK(mean >= 0.4);
                CHECK(mean <= 0.6);
            }
        }
    }
}

TEST_CASE("a call neither fills a link alone nor gives it away where a transfer hides the base delay for minutes") {
    for (const double rate : {1e6, 2e6, 4e6}) {
        for (const Duration delay : {20ms, 50ms, 100ms}) {
            CAPTURE(rate);
            CAPTURE(delay.count());
            double mean = 0, least = 1, most = 0;
            for (std::uint64_t seed = 111; seed < 114; ++seed) {
                CAPTURE(seed);
                const Beside both(rate, delay, 500ms, true, seed, 310s);
                mean += both.shared(30s, 310s) / 3;
                for (Duration at = 30s; at < 310s; at += 20s) {
                    least = std::min(least, both.shared(at, at + 20s));
                    most = std::max(most, both.shared(at, at + 20s));
                }
                CHECK(both.call.got().kbps(320s, 330s) >= 0.7e-3 * std::min(rate, 2.5e6));
                CHECK(both.call.got().waited_ms(320s, 330s) <= 30);
            }
            MESSAGE("Mbit/s " << rate / 1e6 << ", delay ms " << delay / 1ms << ": share " << mean << ", in 20 s "
                              << least << " to " << most);
            CHECK(mean >= 0.4);
            CHECK(mean <= 0.6);
            CHECK(least >= 0.2);
            CHECK(most <= 0.75);
        }
    }
}

TEST_CASE("beside Reno a call keeps its share and no more (RFC 8867 §5.6)") {
    for (const double rate : {1e6, 2e6}) {
        for (const Duration queue : {150ms, 300ms, 500ms}) {
            CAPTURE(rate);
            CAPTURE(queue.count());
            double mean = 0;
            for (std::uint64_t seed = 111; seed < 116; ++seed)
                mean += Beside(rate, 50ms, queue, false, seed).shared() / 5;
            MESSAGE("Mbit/s " << rate / 1e6 << ", queue ms " << queue / 1ms << ": share " << mean);
            CHECK(mean >= 0.4);
            CHECK(mean <= 0.6);
        }
    }
}

// Its queue comes and goes, and what a call gives way for it takes: a call that only ever waits for it to go gets
// nothing in the end.
TEST_CASE("a call that finds a transfer there gets its share, also over a short queue") {
    for (const bool cubic : {false, true}) {
        for (const double rate : {1e6, 2e6}) {
            for (const Duration queue : {60ms, 500ms}) {
                CAPTURE(cubic);
                CAPTURE(rate);
                CAPTURE(queue.count());
                double mean = 0;
                for (std::uint64_t seed = 111; seed < 116; ++seed) {
                    Events events;
                    Bottleneck link(events, {{0s, rate}}, queue);
                    TcpFlow transfer(events, link, 50ms, cubic, 0s, 100s);
                    MediaFlow call(events, link, {}, {.start = 10s}, seed);
                    events.run(90s);
                    mean += share(call.got().kbps(40s, 90s), transfer.got().kbps(40s, 90s)) / 5;
                }
                MESSAGE("Mbit/s " << rate / 1e6 << ", queue ms " << queue / 1ms
                                  << std::string(cubic ? ", CUBIC" : ", Reno") << ": share " << mean);
                CHECK(mean >= 0.35);  // the goal is 0.4
                CHECK(mean <= 0.6);
            }
        }
    }
}

TEST_CASE("two calls share a narrow link alike, whenever the second comes") {
    int outside = 0;
    for (const Duration late : {0s, 5s, 20s}) {
        for (std::uint64_t seed = 71; seed < 81; ++seed) {
            CAPTURE(seed);
            CAPTURE(late.count());
            Events events;
            Bottleneck link(events, {{0s, 600e3}}, 300ms);
            MediaFlow one(events, link, {}, {}, seed), other(events, link, {}, {.start = late}, seed + 100);
            events.run(late + 50s);
            const double mine = one.got().kbps(late + 20s, late + 50s);
            const double others = other.got().kbps(late + 20s, late + 50s);
            outside += share(mine, others) < 0.4 || share(mine, others) > 0.6;
            CHECK(share(mine, others) >= 0.35);
            CHECK(share(mine, others) <= 0.65);
        }
    }
    CHECK(outside <= 1);  // of thirty
}

TEST_CASE("two calls share a fast link nearly alike, whenever the second comes") {
    for (const double rate : {2e6, 4e6}) {
        int outside = 0;
        double least = 1, most = 0, used = 0;
        for (const Duration late : {0s, 5s, 20s}) {
            for (std::uint64_t seed = 71; seed < 91; ++seed) {
                Events events;
                Bottleneck link(events, {{0s, rate}}, 300ms);
                MediaFlow one(events, link, {}, {}, seed), other(events, link, {}, {.start = late}, seed + 100);
                events.run(late + 50s);
                const double mine = one.got().kbps(late + 20s, late + 50s);
                const double others = other.got().kbps(late + 20s, late + 50s);
                outside += share(mine, others) < 0.4 || share(mine, others) > 0.6;
                least = std::min(least, share(mine, others));
                most = std::max(most, share(mine, others));
                used += (mine + others) * 1e3 / rate / 60;
            }
        }
        MESSAGE("Mbit/s " << rate / 1e6 << ": shares " << least << " to " << most << ", outside 40:60 " << outside
                          << " of 60; used " << used);
        CHECK(outside <= (rate < 3e6 ? 1 : 10));  // of sixty
        CHECK(least >= 0.33);
        CHECK(most <= 0.67);
        CHECK(used >= 0.78);
    }
}
