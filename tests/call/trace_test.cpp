// A frame's trace: every stage that it passed, in order, at both ends.
#include <doctest/doctest.h>

#include <map>

#include "call/arrival_stamps.h"
#include "call/trace_log.h"
#include "sim/two_party.h"

using namespace sotto;
using namespace sotto::call;
using namespace sotto::test;
using namespace std::chrono_literals;

namespace {

// The world's time, and a nanosecond more with each reading, so that no two stamps of a moment are the same.
TwoParty* world_of_clock = nullptr;
Duration readings{};
Instant world_clock() { return world_of_clock->now + (readings += 1ns); }

// A call's traces of both sides and media.
struct Traces {
    std::vector<FrameTrace> sent, shown;

    std::vector<FrameTrace> of(Medium medium, const std::vector<FrameTrace>& traces) const {
        std::vector<FrameTrace> chosen;
        std::ranges::copy_if(traces, std::back_inserter(chosen),
                             [&](const FrameTrace& t) { return t.medium == medium; });
        return chosen;
    }
};

Traces talk(TwoParty& world, CallSettings settings, Duration duration) {
    if (!tracing) return {};
    world_of_clock = &world;
    readings = {};
    settings.trace_clock = world_clock;
    world.connect(settings);
    Traces traces;
    const auto take = [&](Instant) {
        while (const auto trace = world.caller.call->trace()) {
            if ((*trace)[Stage::captured] != Instant{}) traces.sent.push_back(*trace);
        }
        while (const auto trace = world.callee.call->trace()) {
            if ((*trace)[Stage::captured] == Instant{}) traces.shown.push_back(*trace);
        }
    };
    world.beside = take;
    world.talk(duration, settings);
    take(world.now);
    return traces;
}

// Those of `stages` were passed in this order, no others.
void check_order(const FrameTrace& trace, const std::vector<Stage>& stages) {
    Instant before{};
    for (std::size_t i = 0; i < stage_count; ++i) {
        const Stage stage = static_cast<Stage>(i);
        CAPTURE(step_name(stage));
        const bool passed = std::ranges::find(stages, stage) != stages.end();
        CHECK((trace[stage] != Instant{}) == passed);
        if (passed) CHECK(trace[stage] >= before);
        if (passed) before = trace[stage];
    }
}

using enum Stage;
const std::vector<Stage> sound_out{captured, encoded, packetised, paced, protect, sent};
const std::vector<Stage> picture_out{captured, scaled, encoded, packetised, paced, protect, sent};
const std::vector<Stage> in{received, unprotect, assembled, dequeued, decoded, shown};

}  // namespace

TEST_CASE("each frame and block is stamped at every stage, in order, once at either end") {
    TwoParty world(4100, {.delay = 20ms});
    const Traces traces = talk(world, {.video_width = 320, .video_height = 180}, 3s);
    if (!tracing) return;
    for (const Medium medium : {Medium::audio, Medium::video}) {
        CAPTURE(static_cast<int>(medium));
        std::map<std::uint32_t, FrameTrace> left;
        for (const FrameTrace& trace : traces.of(medium, traces.sent)) {
            check_order(trace, medium == Medium::audio ? sound_out : picture_out);
            CHECK(left.emplace(trace.timestamp, trace).second);
        }
        const auto arrived = traces.of(medium, traces.shown);
        CHECK(arrived.size() > (medium == Medium::audio ? 280 : 80));
        for (const FrameTrace& trace : arrived) {
            check_order(trace, in);
            const auto origin = left.extract(trace.timestamp);
            REQUIRE(origin);
            const Duration network = trace[received] - origin.mapped()[sent];
            CHECK(network >= 20ms - 1ms);
            CHECK(network < 22ms);
        }
    }
    CHECK(traces.of(Medium::video, traces.shown).size() == static_cast<std::size_t>(world.callee.shown));
}

TEST_CASE("a picture whose packets wait is stamped when the last is let go") {
    TwoParty world(4101, {.delay = 20ms});
    const Traces traces = talk(world, {.video_bitrate = 100000}, 4s);
    if (!tracing) return;
    std::size_t waited = 0;
    for (const FrameTrace& trace : traces.of(Medium::video, traces.sent)) {
        if (trace[paced] - trace[packetised] > 1ms) ++waited;
    }
    CHECK(waited > 0);
    for (const FrameTrace& trace : traces.of(Medium::audio, traces.sent)) CHECK(trace[paced] - trace[packetised] < 1ms);
}

TEST_CASE("a frame that repair completed says so") {
    TwoParty world(4102, {.delay = 20ms, .loss = 0.1});
    const Traces traces = talk(world, {.video_width = 320, .video_height = 180}, 5s);
    if (!tracing) return;
    std::vector<Stage> mended = in;
    mended.push_back(repaired);
    std::size_t repairs = 0;
    for (const FrameTrace& trace : traces.of(Medium::video, traces.shown)) {
        const bool late = trace[repaired] != Instant{};
        check_order(trace, late ? mended : in);
        repairs += late ? 1 : 0;
    }
    CHECK(repairs > 3);
    const ReceiveStats stats = world.callee.call->stats().video_received;
    CHECK(repairs <= stats.repaired + stats.retransmitted_packets_received);
}

TEST_CASE("a client may say when a frame was really seen, until it takes the trace") {
    TwoParty world(4103, {.delay = 20ms});
    if (!tracing) return;
    world_of_clock = &world;
    CallSettings settings{.video_width = 320, .video_height = 180};
    settings.trace_clock = world_clock;
    world.connect(settings);
    world.talk(1s, settings);
    REQUIRE(world.callee.pictures.size() > 2);
    const std::uint32_t newest = world.callee.pictures.back().timestamp;
    const Instant seen = world.now + 7ms;
    world.callee.call->shown(Medium::video, newest, seen);
    world.callee.call->shown(Medium::audio, newest, seen + 1ms);  // no block has that time stamp
    std::size_t found = 0;
    while (const auto trace = world.callee.call->trace()) {
        if (trace->medium != Medium::video || (*trace)[shown] == Instant{}) continue;
        CHECK(((*trace)[shown] == seen) == (trace->timestamp == newest));
        found += trace->timestamp == newest ? 1 : 0;
    }
    CHECK(found == 1);
    world.callee.call->shown(Medium::video, newest, seen);  // taken: no effect
    CHECK_FALSE(world.callee.call->trace());
}

TEST_CASE("the log keeps the newest 128 traces, and ends none whose last packet never left") {
    RecordedTraces log(nullptr);
    const auto at = [](int ms) { return Instant(1s) + std::chrono::milliseconds(ms); };
    const auto queue = [&](std::uint32_t frame, std::uint16_t last) {
        log.packetised({.medium = Medium::video, .timestamp = frame}, SequenceNumber{last});
    };
    const auto leave = [&](std::uint16_t number, int ms) {
        for (const Stage stage : {paced, protect, sent})
            log.leaves(Medium::video, SequenceNumber{number}, stage, at(ms));
    };
    queue(1, 65534), queue(2, 2), queue(3, 5);
    leave(65533, 1);
    CHECK_FALSE(log.pop());
    leave(1, 2);  // of the second frame: the first one's last packet was forgotten
    CHECK_FALSE(log.pop());
    leave(2, 3), leave(5, 4);
    const auto second = log.pop(), third = log.pop();
    REQUIRE((second && third));
    CHECK(second->timestamp == 2);
    CHECK((*second)[sent] == at(3));
    CHECK(third->timestamp == 3);
    CHECK_FALSE(log.pop());

    for (std::uint32_t frame = 0; frame < 130; ++frame) {
        log.decoded({.medium = Medium::video, .timestamp = frame});
        log.shown(Medium::video, at(5));
    }
    for (std::uint32_t frame = 2; frame < 130; ++frame) CHECK(log.pop()->timestamp == frame);
    CHECK_FALSE(log.pop());
}
