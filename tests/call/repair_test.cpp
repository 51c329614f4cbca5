// Loss, large pictures and lying peers: what a whole call makes of them.
#include <doctest/doctest.h>

#include "sim/two_party.h"

using namespace sotto;
using namespace sotto::test;
using namespace std::chrono_literals;

TEST_CASE("pictures of noise, larger than the callee's own, are shown") {
    struct Size {
        int width, height;
    };
    for (const auto& [width, height] : {Size{1280, 720}, Size{1920, 1080}}) {
        CAPTURE(width);
        const CallSettings settings{
            .video_width = width, .video_height = height, .video_frame_rate = 10, .video_bitrate = 2500000};
        TwoParty world(90);
        world.noise.emplace(91);
        REQUIRE(world.dial(settings));
        REQUIRE(world.callee.call->accept({}, world.now));
        world.settle();
        world.talk(3s, settings);
        const CallStats sent = world.caller.call->stats();
        CAPTURE(sent.video_sent.frames);
        CHECK(sent.video_sent.frames >= 5);
        CHECK(world.callee.shown * 10 > static_cast<int>(sent.video_sent.frames) * 8);
        CHECK(sent.video_sent.overrun == 0);
        CHECK(world.callee.call->stats().video_received.skipped == 0);
    }
}
