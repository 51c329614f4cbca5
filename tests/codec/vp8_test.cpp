#include <doctest/doctest.h>
#include <malloc.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "codec/i420.h"
#include "codec/vp8_decoder.h"
#include "codec/vp8_encoder.h"
#include "support/ivf.h"
#include "support/md5.h"
#include "support/moving_scene.h"
#include "support/mutate.h"

using namespace sotto;
using test::scene;

namespace {

codec::Vp8Encoder encoder(int bitrate = 300000) {
    return std::move(*codec::Vp8Encoder::create({.width = 320, .height = 180, .bitrate = bitrate}));
}

}  // namespace

TEST_CASE("moving pictures survive, the first frame being the only key frame") {
    auto encode = encoder();
    auto decode = codec::Vp8Decoder::create();
    for (int n = 0; n < 60; ++n) {
        const auto picture = scene(n);
        const auto encoded = encode.encode(picture.view({}), static_cast<std::uint64_t>(n) * 3000);
        REQUIRE(encoded);
        CHECK(encoded->key == (n == 0));
        CHECK(codec::is_key_frame(encoded->bytes) == encoded->key);
        const auto shown = decode->decode(encoded->bytes);
        REQUIRE(shown);
        CHECK(*codec::luma_psnr(picture.view({}), **shown) > 32);
    }
}

TEST_CASE("a key frame comes on demand and starts a new decoder") {
    auto encode = encoder();
    for (int n = 0; n < 5; ++n) REQUIRE(encode.encode(scene(n).view({}), static_cast<std::uint64_t>(n) * 3000));
    const auto encoded = encode.encode(scene(5).view({}), 15000, {.key = true});
    REQUIRE(encoded);
    CHECK(encoded->key);
    auto decode = codec::Vp8Decoder::create();
    CHECK(decode->decode(encoded->bytes));
}

TEST_CASE("the bit rate is followed, and changed on the fly") {
    auto encode = encoder(400000);
    test::SeededRandom random(2);
    const auto second = [&](int from) {
        std::size_t bytes = 0;
        for (int n = from; n < from + 60; ++n) {
            auto picture = scene(n * 5);
            for (auto& sample : picture.plane(0)) sample = static_cast<std::uint8_t>(sample + random.below(12));
            const auto encoded = encode.encode(picture.view({}), static_cast<std::uint64_t>(n) * 3000);
            REQUIRE(encoded);
            bytes += encoded->bytes.size();
        }
        return static_cast<double>(bytes) * 8 / 2;
    };
    second(0);
    const double high = second(60);
    REQUIRE(encode.set_bitrate(100000));
    second(120);
    const double low = second(180);
    CHECK(high > 280000);
    CHECK(high < 520000);
    CHECK(low < 160000);
}

TEST_CASE("a bottleneck's queue stays short, key frames and motion included") {
    constexpr int rate = 400000, frame_rate = 30;
    auto encode = encoder(rate);
    test::SeededRandom random(8);
    double queued = 0;  // ms at the bit rate
    for (int n = 0; n < 150; ++n) {
        auto picture = scene(n * 5);
        for (auto& sample : picture.plane(0)) sample = static_cast<std::uint8_t>(sample + random.below(12));
        const auto encoded =
            encode.encode(picture.view({}), static_cast<std::uint64_t>(n) * 3000, {.key = n % 50 == 0});
        REQUIRE(encoded);
        queued = std::max(0.0, queued - 1000.0 / frame_rate) + static_cast<double>(encoded->bytes.size()) * 8000 / rate;
        CHECK(queued < 350);
    }
}

TEST_CASE("planes with a stride of their own are read in place") {
    auto encode = encoder();
    auto decode = codec::Vp8Decoder::create();
    const auto wide = scene(0, 640, 360);
    VideoFrame part = wide.view({});
    part.width = 320;
    part.height = 180;
    const auto encoded = encode.encode(part, 0);
    REQUIRE(encoded);
    CHECK(*codec::luma_psnr(part, **decode->decode(encoded->bytes)) > 30);
}

TEST_CASE("a decoder without a reference refuses, and goes on at a key frame") {
    auto encode = encoder();
    auto decode = codec::Vp8Decoder::create();
    REQUIRE(encode.encode(scene(0).view({}), 0));
    const auto inter = encode.encode(scene(1).view({}), 3000);
    CHECK(decode->decode(inter->bytes).error() == Error::codec_failed);
    CHECK(decode->decode({}).error() == Error::truncated);
    CHECK(decode->decode(encode.encode(scene(2).view({}), 6000, {.key = true})->bytes));
}

TEST_CASE("wrong sizes and settings are refused by name") {
    CHECK(codec::Vp8Encoder::create({.width = 15}).error() == Error::invalid_argument);
    CHECK(codec::Vp8Encoder::create({.bitrate = 1}).error() == Error::invalid_argument);
    CHECK(codec::Vp8Decoder::create(0).error() == Error::invalid_argument);
    auto encode = encoder();
    CHECK(encode.encode(scene(0, 318, 180).view({}), 0).error() == Error::unsupported_media);
    CHECK(encode.set_bitrate(0).error() == Error::invalid_argument);
    CHECK(codec::I420Buffer::create(0, 5).error() == Error::unsupported_media);
    // A key frame that claims 16383 x 16383 is refused before memory is asked for.
    const Buffer huge{std::byte{0x10}, std::byte{0},    std::byte{0},    std::byte{0x9d}, std::byte{1},
                      std::byte{0x2a}, std::byte{0xff}, std::byte{0x3f}, std::byte{0xff}, std::byte{0x3f}};
    CHECK(codec::Vp8Decoder::create()->decode(huge).error() == Error::unsupported_media);
}

TEST_CASE("mutated and cut frames never crash, and a key frame always recovers") {
    auto encode = encoder();
    auto decode = codec::Vp8Decoder::create();
    test::SeededRandom random(3);
    for (int n = 0; n < 300; ++n) {
        const auto encoded =
            encode.encode(scene(n).view({}), static_cast<std::uint64_t>(n) * 3000, {.key = n % 50 == 0});
        REQUIRE(encoded);
        const Buffer frame = test::flipped(encoded->bytes, random);
        static_cast<void>(decode->decode(Bytes(frame).first(1 + random.below(frame.size()))));
    }
    const auto key = encode.encode(scene(0).view({}), 300 * 3000, {.key = true});
    CHECK(decode->decode(key->bytes));
}

TEST_CASE("the VP8 conformance streams decode to the listed pictures") {
    const std::filesystem::path folder = std::filesystem::path(SOTTO_VECTORS) / "vp8";
    if (!std::filesystem::exists(folder)) {
        MESSAGE("skipped: no VP8 vectors");
        return;
    }
    int streams = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        if (entry.path().extension() != ".ivf") continue;
        CAPTURE(entry.path().filename().string());
        std::ifstream list(entry.path().string() + ".md5");
        auto decode = codec::Vp8Decoder::create();
        int frames = 0;
        for (const Buffer& frame : test::ivf_frames(entry.path())) {
            const auto shown = decode->decode(frame);
            REQUIRE(shown);
            if (!*shown) continue;
            const VideoFrame& picture = **shown;
            test::Md5 digest;
            for (std::size_t plane = 0; plane < 3; ++plane) {
                const int width = plane == 0 ? picture.width : (picture.width + 1) / 2;
                const int height = plane == 0 ? picture.height : (picture.height + 1) / 2;
                for (int row = 0; row < height; ++row) {
                    const Plane& samples = picture.planes[plane];
                    digest.update(samples.data + static_cast<std::size_t>(row) * samples.stride,
                                  static_cast<std::size_t>(width));
                }
            }
            std::string expected, name;
            list >> expected >> name;
            CHECK(digest.hex() == expected);
            ++frames;
        }
        CHECK(frames > 0);
        ++streams;
    }
    CHECK(streams > 10);
}

TEST_CASE("no frame exceeds the bound, whatever the picture, and quality returns when it can") {
    auto encode = std::move(*codec::Vp8Encoder::create(
        {.width = 320, .height = 180, .frame_rate = 5, .bitrate = 2000000, .max_frame = 4096}));
    auto decode = codec::Vp8Decoder::create();
    test::SeededRandom random(3);
    std::uint64_t n = 0;
    const auto show = [&](const codec::I420Buffer& picture) {
        const auto encoded = encode.encode(picture.view({}), n++ * 18000);
        REQUIRE(encoded);
        CHECK(encoded->bytes.size() <= 4096);
        if (encoded->bytes.empty()) return 0.0;
        const auto shown = decode->decode(encoded->bytes);
        REQUIRE(shown);
        return *codec::luma_psnr(picture.view({}), **shown);
    };
    double quality = 0;
    int shown = 0;
    for (int i = 0; i < 10; ++i) {
        auto picture = scene(0);
        for (int plane = 0; plane < 3; ++plane) random.fill(std::as_writable_bytes(picture.plane(plane)));
        quality = show(picture);
        CHECK((quality == 0 || quality > 5));  // 0: left out by the rate control
        shown += quality > 0;
    }
    CHECK(shown >= 5);
    for (int i = 0; i < 50; ++i) quality = show(scene(0));
    CHECK(quality > 32);
}

TEST_CASE("a picture that cannot be made to fit is refused, and the next one is a key frame") {
    auto encode = std::move(*codec::Vp8Encoder::create({.width = 2048, .height = 1024, .max_frame = 4096}));
    auto picture = *codec::I420Buffer::create(2048, 1024);
    test::SeededRandom random(5);
    for (int plane = 0; plane < 3; ++plane) {
        std::array<std::uint8_t, 32 * 32> squares{};
        random.fill(std::as_writable_bytes(std::span(squares)));
        const auto samples = picture.plane(plane);
        const std::size_t stride = picture.stride(plane);
        for (std::size_t i = 0; i < samples.size(); ++i) samples[i] = squares[i / stride / 64 * 32 + i % stride / 64];
    }
    CHECK(encode.encode(picture.view({}), 0).error() == Error::too_large);
    for (int plane = 0; plane < 3; ++plane) std::ranges::fill(picture.plane(plane), std::uint8_t{128});
    const auto encoded = encode.encode(picture.view({}), 3000);
    REQUIRE(encoded);
    CHECK(encoded->key);
    CHECK(codec::Vp8Decoder::create()->decode(encoded->bytes));
}

TEST_CASE("a bit rate far beyond the bound takes nothing from key frames") {
    auto encode = std::move(*codec::Vp8Encoder::create(
        {.width = 320, .height = 180, .frame_rate = 5, .bitrate = 2000000, .max_frame = 4096}));
    test::SeededRandom random(6);
    std::size_t last_key_frame = 0;
    for (int n = 0; n < 20; ++n) {
        auto picture = scene(n);
        for (auto& sample : picture.plane(0)) sample = static_cast<std::uint8_t>(sample + random.below(24));
        const auto encoded =
            encode.encode(picture.view({}), static_cast<std::uint64_t>(n) * 18000, {.key = n % 5 == 0});
        REQUIRE(encoded);
        if (encoded->key) last_key_frame = encoded->bytes.size();
    }
    CHECK(last_key_frame > 4096 / 3);
}

TEST_CASE("an encoder gives back all the memory it took, libvpx's included") {
    const auto held = [] {
        const auto heap = mallinfo2();  // 0 under a sanitizer's allocator, which looks for leaks itself
        return heap.uordblks + heap.hblkhd;
    };
    const auto encode_one = [] {
        auto encoder = codec::Vp8Encoder::create({.width = 1280, .height = 720});
        const auto picture = scene(0, 1280, 720);
        CHECK(encoder->encode(picture.view({}), 0, {.key = true}));
    };
    encode_one();
    const std::size_t before = held();
    for (int i = 0; i < 3; ++i) encode_one();
    CHECK(held() < before + 1280 * 720);
}
