#include "codec/vp8_layers.h"

#include <doctest/doctest.h>

#include <vector>

#include "codec/scale.h"
#include "codec/vp8_decoder.h"
#include "codec/vp8_encoder.h"
#include "support/moving_scene.h"
#include "support/random.h"

using namespace sotto;
using test::scene;

namespace {

codec::Vp8Encoder encoder() {
    return std::move(*codec::Vp8Encoder::create({.width = 320, .height = 180, .bitrate = 400000}));
}

// One encoder, a decoder that gets everything and one that does not: what both decode must be the same to the bit.
struct LossyStream {
    codec::Vp8Encoder encode = encoder();
    codec::Vp8Decoder whole = std::move(*codec::Vp8Decoder::create());
    codec::Vp8Decoder partial = std::move(*codec::Vp8Decoder::create());
    std::uint64_t number = 0;

    EncodedFrame send(const codec::Vp8FrameOptions& options, bool lost) {
        const auto picture = scene(static_cast<int>(number) * 2);
        const auto encoded = encode.encode(picture.view({}), number++ * 3000, options);
        REQUIRE(encoded);
        if (!encoded->bytes.empty()) decode(*encoded, lost);
        return *encoded;
    }
    // `lost` may depend on what the frame turned out to be.
    template <typename Lost>
    EncodedFrame send_if(const codec::Vp8FrameOptions& options, Lost lost) {
        const auto picture = scene(static_cast<int>(number) * 2);
        const auto encoded = encode.encode(picture.view({}), number++ * 3000, options);
        REQUIRE(encoded);
        if (!encoded->bytes.empty()) decode(*encoded, lost(*encoded));
        return *encoded;
    }

  private:
    void decode(const EncodedFrame& frame, bool lost) {
        const auto expected = whole.decode(frame.bytes);
        REQUIRE(expected);
        if (lost) return;
        const auto shown = partial.decode(frame.bytes);
        REQUIRE(shown);
        CHECK(*codec::luma_psnr(**expected, **shown) == 99);
    }
};

}  // namespace

TEST_CASE("frames of two and three layers come in their order, and say what they refer to") {
    struct Expected {
        int layer;
        bool non_reference, sync;
    };
    const std::vector<Expected> two{{0, false, false}, {1, true, true}};
    const std::vector<Expected> three{{0, false, false}, {2, true, true}, {1, false, true}, {2, true, false}};
    for (const auto& [layers, pattern] : {std::pair(2, two), std::pair(3, three)}) {
        auto encode = encoder();
        std::uint8_t base = 255;
        for (int n = 0; n < 12; ++n) {
            const auto frame =
                encode.encode(scene(n).view({}), static_cast<std::uint64_t>(n) * 3000, {.layers = layers});
            REQUIRE(frame);
            const Expected& expected = pattern[static_cast<std::size_t>(n) % pattern.size()];
            if (expected.layer == 0) ++base;
            CHECK(frame->temporal_layer == expected.layer);
            CHECK(frame->non_reference == expected.non_reference);
            CHECK(frame->layer_sync == expected.sync);
            CHECK(frame->tl0_pic_idx == base);
            CHECK(frame->key == (n == 0));
        }
    }
}

TEST_CASE("a stream without layers says nothing of them, and counts as layer 0") {
    auto encode = encoder();
    for (int n = 0; n < 4; ++n) {
        const auto frame = encode.encode(scene(n).view({}), static_cast<std::uint64_t>(n) * 3000);
        CHECK_FALSE(frame->temporal_layer);
        CHECK_FALSE(frame->non_reference);
        CHECK_FALSE(frame->key_index);
        CHECK(frame->tl0_pic_idx == n);
    }
}

TEST_CASE("losing frames of the upper layers changes no other picture by a bit, however the layers change") {
    const std::uint64_t seed = 11;
    CAPTURE(seed);
    test::SeededRandom random(seed);
    LossyStream stream;
    bool middle_lost = false;
    int layers = 1, lost = 0;
    for (int n = 0; n < 240; ++n) {
        if (random.chance(0.1)) layers = 1 + static_cast<int>(random.below(3));
        stream.send_if({.key = random.chance(0.02), .layers = layers}, [&](const EncodedFrame& frame) {
            const int layer = frame.temporal_layer.value_or(0);
            const bool drop = layer > 0 && ((!frame.layer_sync && middle_lost) || random.chance(0.4));
            if (layer < 2) middle_lost = layer == 1 && drop;
            lost += drop;
            return drop;
        });
    }
    CHECK(lost > 30);
}

TEST_CASE("a frame from the golden one alone is right whatever was lost since, in every number of layers") {
    for (int layers = 1; layers <= 3; ++layers) {
        CAPTURE(layers);
        LossyStream stream;
        stream.send({.key = true, .layers = layers, .mark_golden = true}, false);
        for (int round = 0; round < 4; ++round) {
            CAPTURE(round);
            for (int n = 0; n < 5; ++n) stream.send({.layers = layers}, false);
            const auto golden = stream.send({.layers = layers, .mark_golden = true}, false);
            REQUIRE(golden.key_index);
            CHECK_FALSE(golden.key);
            for (int n = 0; n < 3; ++n) stream.send({.layers = layers}, false);
            for (int n = 0; n < 7; ++n) stream.send({.layers = layers}, true);
            const auto recovery = stream.send({.layers = layers, .from_golden = true}, false);
            CHECK_FALSE(recovery.key);
            CHECK(recovery.key_index == golden.key_index);
            CHECK(recovery.temporal_layer.value_or(0) == 0);
        }
    }
}

TEST_CASE("without a golden frame since the last key frame, a frame from it is a key frame") {
    LossyStream stream;
    stream.send({.mark_golden = true}, false);
    stream.send({}, false);
    CHECK_FALSE(stream.send({.from_golden = true}, false).key);
    stream.send({.key = true}, false);
    CHECK(stream.send({.from_golden = true}, false).key);
}

TEST_CASE("the size changes on the fly, with a key frame, and no further than it was created for") {
    auto encode = encoder();
    auto decode = codec::Vp8Decoder::create();
    std::uint64_t number = 0;
    const auto show = [&](int width, int height, bool key) {
        const auto picture = scene(static_cast<int>(number));
        const auto encoded = encode.encode(picture.view({}), number++ * 3000, {.layers = 2});
        REQUIRE(encoded);
        CHECK(encoded->key == key);
        const auto shown = decode->decode(encoded->bytes);
        REQUIRE(shown);
        CHECK((*shown)->width == width);
        CHECK((*shown)->height == height);
        auto expected = *codec::I420Buffer::create(width, height);
        REQUIRE(codec::scale(picture.view({}), expected));
        CHECK(*codec::luma_psnr(expected.view({}), **shown) > 30);
    };
    show(320, 180, true);
    show(320, 180, false);
    REQUIRE(encode.set_size(240, 134));
    CHECK(encode.settings().width == 240);
    show(240, 134, true);
    show(240, 134, false);
    REQUIRE(encode.set_size(240, 134));
    show(240, 134, false);
    REQUIRE(encode.set_bitrate(200000));
    show(240, 134, false);
    REQUIRE(encode.set_size(160, 90));
    REQUIRE(encode.set_size(320, 180));
    show(320, 180, true);
    CHECK(encode.set_size(322, 180).error() == Error::invalid_argument);
    CHECK(encode.set_size(320, 182).error() == Error::invalid_argument);
    CHECK(encode.set_size(161, 90).error() == Error::invalid_argument);
    CHECK(encode.set_size(14, 90).error() == Error::invalid_argument);
    show(320, 180, false);
}

TEST_CASE("the encoder's speed changes on the fly, without a key frame") {
    LossyStream stream;
    stream.send({}, false);
    for (const int speed : {-12, -6, 16}) {
        REQUIRE(stream.encode.set_cpu_used(speed));
        CHECK(stream.encode.settings().cpu_used == speed);
        CHECK_FALSE(stream.send({}, false).key);
    }
    CHECK(stream.encode.set_cpu_used(-17).error() == Error::invalid_argument);
    CHECK(stream.encode.set_cpu_used(17).error() == Error::invalid_argument);
}
