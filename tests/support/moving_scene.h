// A smooth picture that moves a little from one number to the next.
#pragma once

#include <cmath>

#include "codec/i420.h"

namespace sotto::test {

inline codec::I420Buffer scene(int n, int width = 320, int height = 180) {
    auto picture = *codec::I420Buffer::create(width, height);
    for (int plane = 0; plane < 3; ++plane) {
        const auto samples = picture.plane(plane);
        const auto stride = static_cast<int>(picture.stride(plane));
        for (int i = 0; i < static_cast<int>(samples.size()); ++i) {
            const int x = i % stride;
            const int y = i / stride;
            const double value = 128 + 50 * std::sin((x + n * 3) * 0.06) * std::cos((y + n) * 0.05);
            samples[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(value);
        }
    }
    return picture;
}

}  // namespace sotto::test
