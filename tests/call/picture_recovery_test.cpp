// After a loss: a frame from the golden one that the peer holds, or a key frame; and what a whole call makes of both.
#include "call/picture_recovery.h"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <vector>

#include "call/video_sender.h"
#include "codec/scale.h"
#include "codec/vp8_decoder.h"
#include "sim/two_party.h"
#include "support/moving_scene.h"
#include "transport/vp8_payload.h"

using namespace sotto;
using namespace sotto::test;
using namespace std::chrono_literals;

namespace {

using call::PictureRecovery;

// A textured room in front of which something moves.
codec::I420Buffer room(int n) {
    auto picture = scene(0, 640, 360);
    SeededRandom random(77);
    const auto samples = picture.plane(0);
    const auto stride = static_cast<int>(picture.stride(0));
    for (int i = 0; i < static_cast<int>(samples.size()); ++i) {
        const int x = i % stride - 320 - static_cast<int>(100 * std::sin(n * 0.1)), y = i / stride - 200;
        auto& sample = samples[static_cast<std::size_t>(i)];
        sample = static_cast<std::uint8_t>(sample + random.below(16));
        if (x * x + y * y < 80 * 80) sample = static_cast<std::uint8_t>(100 + (x / 8 + y / 8) % 2 * 40);
    }
    return picture;
}

// One side's pictures as they leave, and two decoders: one is given all of them, the other what its peer is sent.
struct Pictures {
    struct Sent {
        Buffer bytes;
        bool key = false;
        std::uint16_t picture_id = 0;
        std::optional<std::uint8_t> key_index;
    };

    SeededRandom random{94};
    call::VideoSender sender = make(random);
    call::TraceLog traces{nullptr};
    call::Outbox outbox;
    codec::Vp8Decoder whole = std::move(*codec::Vp8Decoder::create());
    codec::Vp8Decoder partial = std::move(*codec::Vp8Decoder::create());
    Instant now{1s};
    int number = 0;

    static call::VideoSender make(SeededRandom& random) {
        SrtpKey<Sending> key;
        random.fill(key.fill());
        return std::move(*call::VideoSender::create(std::move(key), Ssrc{1}, true, {}, random));
    }

    Sent send(bool lost = false) {
        now += 33ms;
        const auto picture = room(number++);
        const SequenceNumber first = sender.stream.next_number();
        REQUIRE(sender.send(picture.view(now), now, traces, outbox));
        Sent sent;
        for (SequenceNumber n = first; n != sender.stream.next_number(); n += 1) {
            const auto packet = transport::parse_vp8(sender.stream.history().find(n)->payload);
            REQUIRE(packet);
            if (n == first) {
                sent.key = packet->key_frame();
                sent.picture_id = packet->descriptor.picture_id.value();
                sent.key_index = packet->descriptor.key_index;
            }
            sent.bytes.insert(sent.bytes.end(), packet->data.begin(), packet->data.end());
        }
        if (sent.bytes.empty()) return sent;
        const auto expected = whole.decode(sent.bytes);
        REQUIRE(expected);
        if (lost) return sent;
        const auto shown = partial.decode(sent.bytes);
        REQUIRE(shown);
        CHECK(*codec::luma_psnr(**expected, **shown) == 99);
        return sent;
    }
    // Until a golden frame has been marked and `more` frames have followed; gives its picture id.
    std::uint16_t golden(int more) {
        for (;;) {
            const Sent sent = send();
            if (!sent.key_index || sent.key) continue;
            for (int i = 0; i < more; ++i) send();
            return sent.picture_id;
        }
    }
};

}  // namespace

TEST_CASE(
    "a lost picture is made up for by a frame from the golden one that the peer holds, smaller than a key frame") {
    std::size_t recoveries = 0, keys = 0;
    for (const bool from_golden : {true, false}) {
        Pictures pictures;
        pictures.sender.set_share(250'000, 250'000, 0);
        const std::uint16_t first = pictures.send().picture_id;
        pictures.sender.recovery.holds(first);
        for (int round = 0; round < 5; ++round) {
            CAPTURE(round);
            const std::uint16_t golden = pictures.golden(2);
            pictures.sender.recovery.holds(golden);
            for (int i = 0; i < 6; ++i) pictures.send(true);
            pictures.sender.recovery.picture_lost(from_golden ? std::optional(golden) : std::nullopt, pictures.now,
                                                  60ms);
            const auto recovery = pictures.send();  // decoded to the bit, whatever was lost
            CHECK(recovery.key == !from_golden);
            (from_golden ? recoveries : keys) += recovery.bytes.size();
            for (int i = 0; i < 3; ++i) pictures.send();
        }
    }
    MESSAGE("bytes of a frame from a golden one: ", recoveries / 5, ", of a key frame: ", keys / 5);
    CHECK(recoveries * 3 < keys * 2);
}

TEST_CASE("a recovery that only doubt asks for is coarse: the path may have become narrow") {
    std::array<std::size_t, 2> bytes{};
    for (const bool doubt : {false, true}) {
        Pictures pictures;
        pictures.sender.set_share(1'000'000, 1'000'000, 0);
        pictures.sender.recovery.holds(pictures.send().picture_id);
        for (int i = 0; i < 60; ++i) pictures.send();
        const std::uint16_t golden = pictures.golden(8);
        pictures.sender.recovery.holds(golden);
        if (doubt) {
            pictures.sender.recovery.doubtful(pictures.now, pictures.now);
        } else {
            pictures.sender.recovery.picture_lost(golden, pictures.now, 60ms);
        }
        const auto recovery = pictures.send();
        CHECK(!recovery.key);
        bytes[doubt ? 1 : 0] = recovery.bytes.size();
    }
    MESSAGE("bytes of a recovery that was asked for: ", bytes[0], ", in doubt: ", bytes[1]);
    CHECK(bytes[1] * 2 < bytes[0]);
}

TEST_CASE("a peer that names another golden frame than the newest, or none, gets a key frame") {
    for (const bool other : {true, false}) {
        Pictures pictures;
        const std::uint16_t first = pictures.send().picture_id;
        pictures.sender.recovery.holds(first);
        pictures.golden(1);
        pictures.sender.recovery.picture_lost(other ? std::optional(first) : std::nullopt, pictures.now, 60ms);
        CHECK(pictures.send().key);
    }
}

TEST_CASE("a golden frame is left alone until the peer holds it, or time has shown that it never will") {
    Pictures pictures;
    REQUIRE(pictures.send().key_index);
    int frames = 0;
    while (!pictures.send().key_index) ++frames;
    CHECK(frames > 20);
    pictures.sender.recovery.holds(static_cast<std::uint16_t>(frames + 1));
    frames = 0;
    while (!pictures.send().key_index) ++frames;
    CHECK(frames < 15);
}

TEST_CASE("a request that a recovery under way answers makes no other, and a golden frame too old makes a key frame") {
    PictureRecovery recovery;
    Instant now{100s};
    recovery.sent(recovery.choose(now), {.bytes = {}, .key = true}, 7, now);
    now += 400ms;
    recovery.picture_lost(7, now, 80ms);
    REQUIRE(recovery.choose(now).from_golden);
    SUBCASE("one at a time") {
        recovery.sent(recovery.choose(now), {}, 8, now);
        recovery.picture_lost(7, now + 50ms, 80ms);
        CHECK_FALSE(recovery.choose(now + 60ms).from_golden);
        recovery.picture_lost(7, now + 150ms, 80ms);
        CHECK(recovery.choose(now + 160ms).from_golden);
        CHECK_FALSE(recovery.choose(now + 160ms).key);
        CHECK(recovery.from_golden() == 1);
    }
    SUBCASE("none that the encoder dropped counts as sent") { CHECK(recovery.choose(now + 33ms).from_golden); }
    SUBCASE("too old") {
        recovery.picture_lost(7, now + 2s, 80ms);
        CHECK(recovery.choose(now + 2s).key);
    }
    SUBCASE("a key frame forgets what was held") {
        recovery.force_key();
        recovery.sent(recovery.choose(now), {.bytes = {}, .key = true}, 9, now);
        recovery.picture_lost(7, now + 400ms, 80ms);
        CHECK(recovery.choose(now + 400ms).key);
    }
}

TEST_CASE("losses beyond what repair makes up for cheaply lead to a recovery without being asked") {
    PictureRecovery recovery;
    Instant now{100s};
    recovery.sent(recovery.choose(now), {.bytes = {}, .key = true}, 7, now);
    now += 400ms;
    const std::array few{SequenceNumber{65534}, SequenceNumber{65535}, SequenceNumber{1}};
    const std::array newer{SequenceNumber{2}, SequenceNumber{3}};
    std::array<SequenceNumber, 9> many{};
    for (std::size_t i = 0; i < many.size(); ++i) many[i] = SequenceNumber{static_cast<std::uint16_t>(i + 10)};
    SUBCASE("but only from a golden frame that the peer is known to hold") {
        CHECK_FALSE(recovery.asked(many, 2, now, 80ms));
        CHECK_FALSE(recovery.choose(now).from_golden);
        CHECK_FALSE(recovery.choose(now).key);
    }
    recovery.holds(7);
    SUBCASE("few packets are sent again") {
        CHECK_FALSE(recovery.asked(few, 2, now, 80ms));
        CHECK_FALSE(recovery.asked(newer, 2, now, 80ms));
        CHECK_FALSE(recovery.choose(now).from_golden);
    }
    SUBCASE("more than a recovery takes are not") {
        CHECK(recovery.asked(many, 2, now, 80ms));
        CHECK(recovery.choose(now).from_golden);
    }
    SUBCASE("a packet asked for again is sent again, and a recovery beside it") {
        CHECK_FALSE(recovery.asked(few, 2, now, 80ms));
        CHECK_FALSE(recovery.asked(std::span(few).last(1), 2, now + 80ms, 80ms));
        CHECK(recovery.choose(now + 80ms).from_golden);
    }
}

TEST_CASE("outages in a call end without a key frame in most cases, and soon") {
    int outages = 0, keys = 0;
    Duration longest{};
    std::vector<int> freezes;
    for (std::uint64_t seed = 300; seed < 303; ++seed) {
        CAPTURE(seed);
        TwoParty world(seed);
        world.connect();
        world.talk(3s);
        for (int i = 0; i < 5; ++i) {
            const int before = world.callee.keys_shown;
            world.to_callee.set({.delay = 30ms, .loss = 1});
            world.talk(150ms);
            world.to_callee.set({.delay = 30ms});
            world.callee.longest_freeze = {};
            world.talk(1s + 130ms * i);
            keys += world.callee.keys_shown - before;
            longest = std::max(longest, world.callee.longest_freeze);
            freezes.push_back(static_cast<int>(world.callee.longest_freeze / 1ms));
            ++outages;
        }
    }
    std::ranges::sort(freezes);
    MESSAGE("median ", freezes[freezes.size() / 2], " ms of ", outages, " outages, ", keys,
            " key frames, longest time without a picture ",
            std::chrono::duration_cast<std::chrono::milliseconds>(longest).count(), " ms");
    CHECK(keys * 3 < outages);
    CHECK(freezes[freezes.size() / 2] <= 300);
    CHECK(longest < 150ms + 400ms + 60ms);  // the outage, what a gap may hold up, a round trip
}

TEST_CASE("a golden frame that nobody has told of serves while losses are likely, and goes with its own packets") {
    PictureRecovery recovery;
    const Instant start{10s};
    EncodedFrame key;
    key.key = true;
    recovery.sent({.key = true, .mark_golden = true}, key, 1, start);
    recovery.numbered(SequenceNumber{100});
    recovery.sent({}, {}, 2, start + 33ms);
    recovery.numbered(SequenceNumber{104});
    CHECK_FALSE(recovery.choose(start + 400ms).from_golden);
    recovery.doubtful(start + 33ms, start + 400ms);
    REQUIRE(recovery.choose(start + 400ms).from_golden);
    recovery.sent({.from_golden = true}, {}, 3, start + 400ms);

    recovery.dropped(SequenceNumber{104});  // of the picture after it
    CHECK_FALSE(recovery.choose(start + 450ms).key);
    recovery.dropped(SequenceNumber{103});  // its last
    CHECK(recovery.choose(start + 450ms).key);
    CHECK_FALSE(recovery.choose(start + 450ms).from_golden);
}
