// Counts the heap allocations of our own code over a running call. (libsrtp, libvpx and Opus use malloc directly.)
#include <doctest/doctest.h>

#include "crypto/locked.h"
#include "sim/two_party.h"
#include "support/allocations.h"

using namespace sotto;
using namespace std::chrono_literals;

TEST_CASE("a call in its steady state allocates nothing for packets, frames and blocks, nor for its statistics") {
    test::TwoParty world(60);
    world.connect();
    world.talk(2s);
    for (int i = 0; i < 20; ++i) {  // what is still on its way arrives
        world.now += 5ms;
        world.settle();
    }
    Call& from = *world.caller.call;
    Call& to = *world.callee.call;
    std::vector<std::uint8_t> pixels(640 * 360 * 3 / 2, 100);
    const std::vector<std::int16_t> samples(480, 500);
    int shown = 0, played = 0;
    const auto talk = [&](int i) {
        world.now += 10ms;
        for (std::size_t p = 0; p < pixels.size(); p += 7)
            pixels[p] = static_cast<std::uint8_t>(p + static_cast<std::size_t>(i));
        const std::uint8_t* const start = pixels.data();
        const VideoFrame frame{
            .width = 640,
            .height = 360,
            .planes = {Plane{start, 640}, Plane{start + 640 * 360, 320}, Plane{start + 640 * 360 * 5 / 4, 320}},
            .captured = world.now};
        if (i % 4 == 0) REQUIRE(from.send(frame, world.now));
        REQUIRE(from.send(AudioBlock{.samples = samples, .captured = world.now}, world.now));
        while (const auto output = from.poll(world.now)) {
            if (const auto* datagram = std::get_if<Datagram>(&*output))
                static_cast<void>(to.receive(datagram->bytes, world.now));
        }
        while (const auto output = to.poll(world.now)) {
            shown += std::holds_alternative<ShownFrame>(*output) ? 1 : 0;
            played += std::holds_alternative<PlayedBlock>(*output) ? 1 : 0;
            if (const auto* datagram = std::get_if<Datagram>(&*output))
                static_cast<void>(from.receive(datagram->bytes, world.now));
        }
    };
    for (int i = 0; i < 500; ++i)
        talk(i);  // the largest frame has come: held until its sound had caught up with the path
    shown = played = 0;
    const auto sent_before = from.stats().video_sent.frames_sent;
    const std::size_t before = test::allocations;
    const std::uint64_t locked_before = crypto::locked_memory().taken;  // operator new sees only the pages
    std::uint64_t read = 0;
    for (int i = 0; i < 200; ++i) {
        talk(i);
        read += from.stats().video_sent.packets_sent + to.stats().audio_received.packets_received;
    }
    const std::size_t made = test::allocations - before;
    CAPTURE(from.stats().video_sent.frames_dropped);
    CAPTURE(from.stats().available_outgoing_bitrate);
    // Rate control may leave frames out; every one that was sent is shown.
    CHECK(static_cast<std::uint64_t>(shown) == from.stats().video_sent.frames_sent - sent_before);
    CHECK(shown > 20);
    CHECK(played > 190);
    CHECK(made == 0);
    CHECK(read > 0);
    CHECK(crypto::locked_memory().taken == locked_before);
}
