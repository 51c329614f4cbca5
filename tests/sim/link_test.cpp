// The simulator itself: what a link does to packets is what it was asked to do.
#include "sim/link.h"

#include <doctest/doctest.h>

#include <cstring>

using namespace sotto;
using namespace sotto::test;
using namespace std::chrono_literals;

namespace {

constexpr Instant start{1000s};

struct Arrival {
    Instant at{};
    std::uint32_t number = 0;
    friend bool operator==(const Arrival&, const Arrival&) = default;
};

// Numbered packets of this size, a fixed time apart, and when each one comes out.
std::vector<Arrival> pour(Link& link, Duration duration, Duration apart, std::size_t size = 1000,
                          Instant from = start) {
    std::vector<Arrival> arrivals;
    std::uint32_t number = 0;
    Buffer packet(size);
    const auto take = [&](Instant until) {
        while (link.next_arrival() <= until) {
            const Instant at = link.next_arrival();
            link.deliver(at, [&](Bytes bytes) {
                std::uint32_t got = 0;
                std::memcpy(&got, bytes.data() + 4, 4);
                arrivals.push_back({at, got});
            });
        }
    };
    for (Instant now = from; now < from + duration; now += apart) {
        take(now);
        std::memcpy(packet.data() + 4, &number, 4);
        ++number;
        link.send(packet, now);
    }
    take(from + duration + 24h);
    return arrivals;
}

double kbps(const std::vector<Arrival>& arrivals, std::size_t size, Instant from, Instant to) {
    std::size_t bytes = 0;
    for (const Arrival& a : arrivals) bytes += a.at >= from && a.at < to ? size + Link::headers : 0;
    return static_cast<double>(bytes) * 8e-3 / std::chrono::duration<double>(to - from).count();
}

bool in_order(const std::vector<Arrival>& arrivals) { return std::ranges::is_sorted(arrivals, {}, &Arrival::number); }

}  // namespace

TEST_CASE("a rate is kept to within a hundredth, from a modem's to ten gigabit a second") {
    for (const std::int64_t rate : {9'600LL, 150'000LL, 1'200'000LL, 100'000'000LL, 10'000'000'000LL}) {
        CAPTURE(rate);
        Link link({.delay = 0ms, .queue = {.rate = rate, .queue = 10s}}, 1);
        const auto apart = Duration(1028 * 8 * 1'000'000'000LL / rate * 2 / 3);  // half as much again as it takes
        const Duration length = 10'000 * apart;
        const auto arrivals = pour(link, length, apart);
        CHECK(kbps(arrivals, 1000, start + length / 10, start + length) * 1e3 ==
              doctest::Approx(static_cast<double>(rate)).epsilon(0.01));
        CHECK(in_order(arrivals));
    }
}

TEST_CASE("a packet waits for no longer than the queue holds, and whoever would is dropped") {
    for (const Duration limit : {50ms, 300ms}) {
        CAPTURE(limit.count());
        Link link({.delay = 20ms, .queue = {.rate = 1'000'000, .queue = limit}}, 2);
        const auto arrivals = pour(link, 10s, 4ms);  // twice the rate
        Duration longest{};
        for (const Arrival& a : arrivals) longest = std::max(longest, a.at - (start + a.number * 4ms));
        const Duration alone = 20ms + Duration(1028 * 8'000);
        CHECK(longest <= limit + alone);
        CHECK(longest > limit + alone - 10ms);
        CHECK(link.counts().overflowed == 2500 - arrivals.size());
        CHECK(link.counts().overflowed > 1100);
    }
}

TEST_CASE("what does not fill the link does not wait") {
    Link link({.delay = 20ms, .queue = {.rate = 1'000'000, .queue = 0ms}}, 3);
    const auto arrivals = pour(link, 10s, 9ms);  // each takes 8.2 ms
    CHECK(arrivals.size() == 1112);
    for (const Arrival& a : arrivals) CHECK(a.at == start + a.number * 9ms + 20ms + 8'224us);
}

TEST_CASE("losses are the wanted share, in runs of the wanted mean length") {
    for (const double burst : {1.0, 4.0, 10.0}) {
        for (const std::uint64_t seed : {4U, 5U, 6U}) {
            CAPTURE(burst);
            CAPTURE(seed);
            Link link({.loss = 0.1, .burst = burst}, seed);
            const auto arrivals = pour(link, 400s, 1ms);
            double lost = 0, runs = 0;
            std::int64_t next = 0;
            for (const Arrival& a : arrivals) {
                const auto gap = static_cast<double>(a.number - next);
                lost += gap;
                runs += gap > 0 ? 1 : 0;
                next = a.number + std::int64_t{1};
            }
            CHECK(lost / 400'000 == doctest::Approx(0.1).epsilon(0.06));
            const double mean = burst == 1 ? 1 / 0.9 : burst;  // of independent losses: 1 / (1 - loss)
            CHECK(lost / runs == doctest::Approx(mean).epsilon(0.06));
        }
    }
}

TEST_CASE("all is lost at a loss of one, in runs, too, and nothing after it") {
    for (const double burst : {1.0, 5.0}) {
        Link link({.loss = 1, .burst = burst}, 7);
        CHECK(pour(link, 1s, 1ms).empty());
        link.set({});
        CHECK(pour(link, 1s, 1ms, 1000, start + 1s).size() == 1000);
    }
}

TEST_CASE("uniform jitter lets packets overtake, exponential lateness has its mean and keeps their order") {
    Link uniform({.delay = 10ms, .jitter = 20ms}, 8);
    const auto mixed = pour(uniform, 100s, 5ms);
    CHECK_FALSE(in_order(mixed));
    double sum = 0;
    for (const Arrival& a : mixed) {
        const Duration took = a.at - (start + a.number * 5ms);
        CHECK(took >= 10ms);
        CHECK(took < 30ms);
        sum += std::chrono::duration<double, std::milli>(took).count();
    }
    CHECK(sum / static_cast<double>(mixed.size()) == doctest::Approx(20).epsilon(0.01));

    Link late({.delay = 10ms, .late = 20ms}, 9);
    const auto ordered = pour(late, 1000s, 500ms);  // so far apart that none holds up another
    CHECK(in_order(ordered));
    sum = 0;
    for (const Arrival& a : ordered) {
        sum += std::chrono::duration<double, std::milli>(a.at - (start + a.number * 500ms)).count();
    }
    CHECK(sum / static_cast<double>(ordered.size()) == doctest::Approx(30).epsilon(0.05));
    Link dense({.late = 20ms}, 10);
    CHECK(in_order(pour(dense, 10s, 1ms)));
}

TEST_CASE("the wanted shares are held back, doubled and forged") {
    Link link({.delay = 10ms, .reordered = 0.05, .held_back = 30ms}, 11);
    int behind = 0;
    for (const Arrival& a : pour(link, 100s, 5ms)) {
        const Duration took = a.at - (start + a.number * 5ms);
        CHECK((took == 10ms || took == 40ms));
        behind += took == 40ms ? 1 : 0;
    }
    CHECK(behind == doctest::Approx(1000).epsilon(0.1));

    Link copying({.duplicated = 0.1}, 12);
    CHECK(pour(copying, 100s, 5ms).size() == doctest::Approx(22000).epsilon(0.01));
    Link forging({.forged = 0.1}, 13);
    CHECK(pour(forging, 100s, 5ms).size() == doctest::Approx(22000).epsilon(0.01));
}

TEST_CASE("an outage loses what is sent in it, and changes come at their times") {
    Link link({.delay = 10ms}, 14);
    link.change(start + 1s, {.delay = 10ms, .down = true});
    link.change(start + 4s, {.delay = 50ms});
    const auto arrivals = pour(link, 6s, 10ms);
    REQUIRE(arrivals.size() == 300);
    CHECK(arrivals[99] == Arrival{start + 990ms + 10ms, 99});
    CHECK(arrivals[100] == Arrival{start + 4s + 50ms, 400});
    CHECK(link.counts().lost == 300);
}

TEST_CASE("the rate follows a schedule") {
    Link link({.delay = 0ms, .queue = {.rate = 1'200'000, .queue = 300ms}}, 15);
    link.change(start + 12s, {.delay = 0ms, .queue = {.rate = 300'000, .queue = 300ms}});
    link.change(start + 24s, {.delay = 0ms, .queue = {.rate = 1'200'000, .queue = 300ms}});
    const auto arrivals = pour(link, 36s, 5ms);
    CHECK(kbps(arrivals, 1000, start + 1s, start + 12s) == doctest::Approx(1200).epsilon(0.01));
    CHECK(kbps(arrivals, 1000, start + 13s, start + 24s) == doctest::Approx(300).epsilon(0.01));
    CHECK(kbps(arrivals, 1000, start + 25s, start + 36s) == doctest::Approx(1200).epsilon(0.01));
}

TEST_CASE("the same seed brings the same packets at the same times, another seed others") {
    const LinkConditions rough{.jitter = 10ms,
                               .late = 5ms,
                               .loss = 0.1,
                               .burst = 3,
                               .reordered = 0.01,
                               .duplicated = 0.02,
                               .forged = 0.02,
                               .queue = {.rate = 1'500'000, .queue = 100ms}};
    Link one(rough, 16), again(rough, 16), other(rough, 17);
    const auto arrivals = pour(one, 20s, 4ms);
    CHECK(arrivals.size() > 2000);
    CHECK(arrivals == pour(again, 20s, 4ms));
    CHECK(one.counts() == again.counts());
    CHECK(arrivals != pour(other, 20s, 4ms));
}
