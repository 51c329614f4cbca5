// A whole call in virtual time and every datagram that its caller gave to the network.
#pragma once

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "interop/scene.h"
#include "sim/two_party.h"
#include "support/key_log_file.h"
#include "transport/rtp.h"

namespace sotto::test {

inline const CallSettings tapped_settings{
    .audio_block_ms = 20, .video_width = 320, .video_height = 240, .video_frame_rate = 25, .video_bitrate = 1200000};

struct TappedCall {
    std::vector<Buffer> datagrams;
    std::vector<codec::I420Buffer> pictures;
    std::vector<std::int16_t> sound;
    std::vector<std::string> keys;  // the lines of the key log
};

// Polls the caller before anybody else does, so that nothing passes the tap.
inline void tap(TwoParty& world, std::vector<Buffer>& datagrams) {
    while (const auto output = world.caller.call->poll(world.now)) {
        const auto* const datagram = std::get_if<Datagram>(&*output);
        if (datagram == nullptr) continue;
        datagrams.push_back(to_buffer(datagram->bytes));
        world.to_callee.send(datagram->bytes, world.now);
    }
    world.settle();
}

// The caller sends `pictures` pictures, 40 ms apart, and as long a sound. The callee hears and sees it all.
inline TappedCall tapped_call(std::uint64_t seed, int pictures) {
    const KeyLogFile log;
    TwoParty world(seed);
    TappedCall call;
    world.connect(tapped_settings);
    REQUIRE(world.caller.active);
    std::uint64_t left_out = 0;
    for (int step = 0; step < pictures * 8; ++step, world.now += std::chrono::milliseconds(5)) {
        if (step % 4 == 0) {
            const std::vector<std::int16_t> block = scene_sound(call.sound.size(), 960);
            REQUIRE(world.caller.call->send(AudioBlock{.samples = block, .captured = world.now}, world.now));
            call.sound.insert(call.sound.end(), block.begin(), block.end());
        }
        if (step % 8 == 0) {
            const auto& picture = call.pictures.emplace_back(
                scene_picture(step / 8, tapped_settings.video_width, tapped_settings.video_height));
            REQUIRE(world.caller.call->send(picture.view(world.now), world.now));
            // The encoder leaves one out while the path is unknown: it is not shown, and none is compared with it.
            const std::uint64_t dropped = world.caller.call->stats().video_sent.frames_dropped;
            if (dropped > left_out) call.pictures.pop_back(), left_out = dropped;
        }
        tap(world, call.datagrams);
    }
    const CallStats stats = world.caller.call->stats();
    REQUIRE(stats.video_sent.frames_dropped <= 1);
    REQUIRE(stats.video_sent.overrun == 0);
    REQUIRE(world.caller.datagrams == 0);  // those that were not tapped
    CHECK(world.callee.shown >= pictures - 2);
    CHECK(world.callee.concealed == 0);
    call.keys = log.lines();
    return call;
}

inline std::vector<Buffer> rtp_of(const TappedCall& call, PayloadType type) {
    std::vector<Buffer> chosen;
    for (const Buffer& datagram : call.datagrams) {
        if (transport::is_rtcp(datagram)) continue;
        const auto packet = transport::parse_rtp(datagram);
        REQUIRE(packet);
        if (packet->header.payload_type == type) chosen.push_back(datagram);
    }
    REQUIRE_FALSE(chosen.empty());
    return chosen;
}

}  // namespace sotto::test
