// The calls of a library built without traces (SOTTO_TRACE=OFF): no trace, no clock read but for the codecs' times.
#include <doctest/doctest.h>

#include "call/arrival_stamps.h"
#include "call/trace_log.h"
#include "sim/two_party.h"

using namespace sotto;
using namespace sotto::test;
using namespace std::chrono_literals;

static_assert(!call::tracing);
static_assert(sizeof(call::TraceLog) == sizeof(TraceClock));
static_assert(sizeof(call::ArrivalStamps::Stamps) == 2 * sizeof(std::uint32_t) + 2 * sizeof(Instant));

namespace {

std::uint64_t readings = 0;
Instant counting_clock() { return Instant(std::chrono::milliseconds(++readings)); }

}  // namespace

TEST_CASE("without traces a call gives none, and reads the clock twice for each picture it encodes or decodes") {
    CHECK_FALSE(traces_frames());
    TwoParty world(4200, {.delay = 20ms, .loss = 0.05});
    CallSettings settings{.video_width = 320, .video_height = 180};
    settings.trace_clock = counting_clock;
    world.connect(settings);
    world.talk(2s, settings);
    std::uint64_t pictures = 0;
    for (Side* const side : {&world.caller, &world.callee}) {
        const CallStats stats = side->call->stats();
        CHECK(stats.audio_received.blocks_played > 100);
        CHECK(stats.video_received.frames_decoded > 30);
        // What rate control left out was looked at, too.
        pictures += stats.video_sent.frames_encoded + stats.video_received.frames_decoded;
        CHECK_FALSE(side->call->trace());
    }
    CHECK(readings >= 2 * pictures);
    CHECK(readings < 2 * pictures + 40);
}
