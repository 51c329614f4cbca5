// Calls over links that fail, fall and were recorded on the road.
#include <doctest/doctest.h>

#include <sstream>

#include "sim/two_party.h"
#include "whole_calls/figures.h"

using namespace sotto;
using namespace sotto::test;
using namespace std::chrono_literals;

namespace {

constexpr CallSettings small{.video_width = 320, .video_height = 180};

// The caller shows itself, both talk.
void connect(TwoParty& world, const CallSettings& settings) {
    CallSettings listening = settings;
    listening.video = false;
    REQUIRE(world.dial(settings));
    REQUIRE(world.callee.call->accept(listening, world.now));
    world.settle();
    REQUIRE(world.caller.active);
    REQUIRE(world.callee.active);
}

std::string seen(const Side& side, Instant from, Instant to) {
    const auto late = delays(side, from, to);
    const Freezes frozen = freezes(side, from, to);
    const ReceiveStats audio = side.call->stats().audio_received;
    std::ostringstream out;
    out << pictures_in(side, from, to) << " pictures, later than the quickest by ms p50 " << in_ms(quantile(late, 0.5))
        << ", p95 " << in_ms(quantile(late, 0.95)) << "; freezes " << frozen.count << " of " << in_ms(frozen.total)
        << " ms in all, longest gap " << in_ms(longest_gap(side, from, to)) << " ms; sound concealed "
        << 100.0 * static_cast<double>(audio.concealed_samples) / static_cast<double>(audio.total_samples_received)
        << " %";
    return out.str();
}

}  // namespace

TEST_CASE("pictures are back within two seconds of an outage of three") {
    for (const std::uint64_t seed : {11U, 12U, 13U}) {
        CAPTURE(seed);
        const LinkConditions good{.delay = 50ms, .queue = {.rate = 1'500'000, .queue = 300ms}};
        TwoParty world(seed, good);
        connect(world, small);
        const Instant down = world.now + 8s, up = down + 3s;
        for (Link* const link : {&world.to_callee, &world.to_caller}) {
            link->change(down, {.delay = 50ms, .down = true});
            link->change(up, good);
        }
        world.talk(16s, small);
        const Instant back = first_picture(world.callee, up);
        MESSAGE("seed " << seed << ": back after ms " << in_ms(back - up) << ", then "
                        << seen(world.callee, back, world.now));
        CHECK(pictures_in(world.callee, down + 1s, up) == 0);
        CHECK(back - up <= 2s);
        CHECK(longest_gap(world.callee, back, world.now) <= 500ms);
        CHECK(world.callee.call->state() == CallState::active);
        CHECK(world.caller.call->state() == CallState::active);
    }
}

TEST_CASE("a fall from 1200 to 300 kbit/s and the rise after it stop no picture for long") {
    for (const std::uint64_t seed : {21U, 22U, 23U, 24U, 25U}) {
        CAPTURE(seed);
        const auto at_rate = [](std::int64_t rate) {
            return LinkConditions{.delay = 50ms, .queue = {.rate = rate, .queue = 300ms}};
        };
        TwoParty world(seed, at_rate(1'200'000));
        world.callee.keeps_heard = world.caller.keeps_heard = false;
        const CallSettings settings{.video_width = 480, .video_height = 270};
        connect(world, settings);
        const Instant begin = world.now;
        for (Link* const link : {&world.to_callee, &world.to_caller}) {
            link->change(begin + 12s, at_rate(300'000));
            link->change(begin + 24s, at_rate(1'200'000));
        }
        world.talk(12s, settings);
        const double before = world.caller.call->stats().available_outgoing_bitrate / 1e3;
        world.talk(12s, settings);
        const double low = world.caller.call->stats().available_outgoing_bitrate / 1e3;
        world.talk(5s, settings);
        const double after = world.caller.call->stats().available_outgoing_bitrate / 1e3;
        world.talk(5s, settings);
        const auto late = delays(world.callee, begin + 12s, begin + 24s);
        MESSAGE("seed " << seed << ": rate held possible " << before << ", " << low << ", " << after
                        << " kbit/s 5 s after the rise; before: " << seen(world.callee, begin + 2s, begin + 12s));
        MESSAGE("  low: " << seen(world.callee, begin + 12s, begin + 24s));
        MESSAGE("  after: " << seen(world.callee, begin + 24s, world.now));
        const Duration gap = longest_gap(world.callee, begin + 12s, world.now);
        CHECK(gap <= 300ms);
        CHECK(quantile(late, 0.95) <= 240ms);  // beside the 50 ms of the way and a packet's time: 300 in all
        CHECK(after >= 0.8 * 1200);
    }
}

TEST_CASE("a call follows a link that was recorded on the road") {
    for (const char* const name : {"Verizon-LTE-short.down", "TMobile-UMTS-driving.down"}) {
        CAPTURE(std::string(name));
        auto trace = Trace::read(std::string(SOTTO_VECTORS) + "/traces/" + name);
        if (!trace) {
            MESSAGE("skipped: no " << SOTTO_VECTORS << "/traces/" << name);
            continue;
        }
        const Duration outage = trace->longest_outage(60s);
        TwoParty world(31, {.delay = 40ms});
        world.to_callee.set(
            {.delay = 40ms,
             .queue = {.trace = std::make_shared<const Trace>(std::move(*trace)), .trace_queue = 100'000}});
        connect(world, small);
        const Instant begin = world.now;
        world.talk(60s, small);
        MESSAGE(std::string(name) << ", an outage of ms " << in_ms(outage) << ": "
                                  << seen(world.callee, begin, world.now) << "; dropped by the queue "
                                  << world.to_callee.counts().overflowed << " of " << world.to_callee.counts().sent);
        CHECK(world.callee.call->state() != CallState::ended);
        CHECK(pictures_in(world.callee, begin, world.now) >= 60 * 15);
        CHECK(longest_gap(world.callee, begin, world.now) <= outage + 1s);
    }
}
