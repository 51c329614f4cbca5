#include "codec/scale.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "support/moving_scene.h"

using namespace sotto;
using test::scene;

TEST_CASE("a picture made smaller and larger again is the same where nothing is finer than its samples") {
    const auto picture = scene(1, 640, 360);
    auto small = *codec::I420Buffer::create(240, 134);
    auto large = *codec::I420Buffer::create(640, 360);
    REQUIRE(codec::scale(picture.view({}), small));
    REQUIRE(codec::scale(small.view({}), large));
    CHECK(*codec::luma_psnr(picture.view({}), large.view({})) > 35);
}

TEST_CASE("every new sample of a smaller picture is the mean of those that it covers") {
    auto picture = *codec::I420Buffer::create(64, 64);
    for (int plane = 0; plane < 3; ++plane) {
        const auto samples = picture.plane(plane);
        // Stripes of one column, which picking samples would turn into one of the two values.
        for (std::size_t i = 0; i < samples.size(); ++i) samples[i] = i % 2 == 0 ? 20 : 220;
    }
    auto half = *codec::I420Buffer::create(32, 32);
    REQUIRE(codec::scale(picture.view({}), half));
    for (int plane = 0; plane < 3; ++plane) {
        CHECK(std::ranges::all_of(half.plane(plane), [](int sample) { return sample >= 119 && sample <= 121; }));
    }
}

TEST_CASE("what is no picture is not scaled") {
    auto target = *codec::I420Buffer::create(32, 32);
    CHECK(codec::scale({}, target).error() == Error::unsupported_media);
    VideoFrame planeless = target.view({});
    planeless.planes[2].data = nullptr;
    CHECK(codec::scale(planeless, target).error() == Error::unsupported_media);
    VideoFrame huge = target.view({});
    huge.width = 16384;
    CHECK(codec::scale(huge, target).error() == Error::unsupported_media);
}
