// Links whose rate was recorded, in Mahimahi's format.
#include "sim/trace.h"

#include <doctest/doctest.h>

#include "sim/link.h"

using namespace sotto;
using namespace sotto::test;
using namespace std::chrono_literals;

namespace {

constexpr Instant start{1000s};
constexpr std::size_t full = 1500 - Link::headers;

std::shared_ptr<const Trace> trace_of(std::vector<std::int64_t> lines) {
    auto trace = Trace::of(std::move(lines));
    REQUIRE(trace);
    return std::make_shared<const Trace>(std::move(*trace));
}

std::vector<std::int64_t> milliseconds_out(Link& link) {
    std::vector<std::int64_t> out;
    while (link.next_arrival() != never) {
        out.push_back((link.next_arrival() - start) / 1ms);
        bool one = false;
        link.deliver(link.next_arrival(), [&](Bytes) {
            if (one) out.push_back(out.back());
            one = true;
        });
    }
    return out;
}

}  // namespace

TEST_CASE("lines that tell of no rate are refused") {
    CHECK_FALSE(Trace::of({}));
    CHECK_FALSE(Trace::of({0, 0}));
    CHECK_FALSE(Trace::of({5, 3}));
    CHECK_FALSE(Trace::of({-1, 3}));
    CHECK_FALSE(Trace::of({std::int64_t{1} << 62}));  // its nanoseconds do not fit
    CHECK_FALSE(Trace::read("/nonexistent/trace"));
    CHECK(Trace::of({3}));
}

TEST_CASE("a whole packet leaves at each line, and the lines begin anew after the last") {
    Link link({.delay = 0ms, .queue = {.trace = trace_of({2, 2, 5, 10})}}, 1);
    for (int i = 0; i < 10; ++i) link.send(Buffer(full), start);
    CHECK(milliseconds_out(link) == std::vector<std::int64_t>{2, 2, 5, 10, 12, 12, 15, 20, 22, 22});
}

TEST_CASE("small packets share a line, a large one takes what is left of it, and what nobody uses is gone") {
    Link link({.delay = 0ms, .queue = {.trace = trace_of({2, 5, 10})}}, 1);
    for (int i = 0; i < 4; ++i) link.send(Buffer(600 - Link::headers), start);
    // 2400 bytes: two at 2, the third ends at 5, and 600 bytes of that line are left after the fourth.
    CHECK(milliseconds_out(link) == std::vector<std::int64_t>{2, 2, 5, 5});
    link.send(Buffer(full), start + 6ms);
    CHECK(milliseconds_out(link) == std::vector<std::int64_t>{10});
    link.send(Buffer(full), start + 103ms);  // rounds later
    link.send(Buffer(full), start + 110ms);
    CHECK(milliseconds_out(link) == std::vector<std::int64_t>{105, 110});
}

TEST_CASE("a trace's queue holds so many bytes and no more") {
    Link link({.delay = 0ms, .queue = {.trace = trace_of({1000}), .trace_queue = 4500}}, 1);
    for (int i = 0; i < 5; ++i) link.send(Buffer(full), start);
    CHECK(link.counts().overflowed == 2);
    link.send(Buffer(full), start + 1000ms);  // one has left
    CHECK(link.counts().overflowed == 2);
    CHECK(milliseconds_out(link) == std::vector<std::int64_t>{1000, 2000, 3000, 4000});
}

TEST_CASE("a year of a trace overflows nothing") {
    Link link({.delay = 0ms, .queue = {.trace = trace_of({0, 1, 7})}}, 1);
    link.send(Buffer(full), start);
    link.send(Buffer(full), start + 24h * 365 + 1ns);
    const auto out = milliseconds_out(link);
    REQUIRE(out.size() == 2);
    CHECK(out[1] - 24h * 365 / 1ms <= 7);
    CHECK(out[1] - 24h * 365 / 1ms >= 1);
}

TEST_CASE("recorded links pass what they say, whoever pours into them") {
    for (const char* const name : {"ATT-LTE-driving-2016.down", "TMobile-LTE-short.down", "TMobile-UMTS-driving.down",
                                   "Verizon-EVDO-driving.down", "Verizon-LTE-short.down", "Verizon-LTE-short.up"}) {
        CAPTURE(std::string(name));
        auto trace = Trace::read(std::string(SOTTO_VECTORS) + "/traces/" + name);
        if (!trace) {
            MESSAGE("skipped: no " << SOTTO_VECTORS << "/traces/" << name);
            continue;
        }
        const double rate = trace->bits_per_second();
        const Duration length = trace->length();
        const Duration apart = Duration(static_cast<std::int64_t>(600 * 8e9 / rate / 3));  // three times as much
        Link link({.delay = 0ms,
                   .queue = {.trace = std::make_shared<const Trace>(std::move(*trace)), .trace_queue = 4'000'000}},
                  1);
        while (link.counts().overflowed == 0) link.send(Buffer(full), start);  // or the first lines find nobody
        std::int64_t bytes = 0;
        for (Instant now = start; now < start + 2 * length; now += apart) {
            link.deliver(now, [&](Bytes packet) { bytes += static_cast<std::int64_t>(packet.size()) + Link::headers; });
            link.send(Buffer(600 - Link::headers), now);
        }
        const double got = static_cast<double>(bytes) * 8 / std::chrono::duration<double>(2 * length).count();
        MESSAGE(std::string(name) << ": " << rate / 1e3 << " kbit/s recorded, " << got / 1e3 << " passed");
        CHECK(got == doctest::Approx(rate).epsilon(0.01));
    }
}
