#include "codec/scale.h"

#include <libyuv/scale.h>

#include <algorithm>

namespace sotto::codec {

Result<void> scale(const VideoFrame& from, I420Buffer& to) {
    const auto side = [](int size) { return size >= 1 && size <= 16383; };
    const bool planes = std::ranges::none_of(from.planes, [](const Plane& plane) { return plane.data == nullptr; });
    if (!planes || !side(from.width) || !side(from.height)) return Failure(Error::unsupported_media);
    const auto stride = [&](std::size_t plane) { return static_cast<int>(from.planes[plane].stride); };
    const auto to_stride = [&](int plane) { return static_cast<int>(to.stride(plane)); };
    const int failed =
        libyuv::I420Scale(from.planes[0].data, stride(0), from.planes[1].data, stride(1), from.planes[2].data,
                          stride(2), from.width, from.height, to.plane(0).data(), to_stride(0), to.plane(1).data(),
                          to_stride(1), to.plane(2).data(), to_stride(2), to.width(), to.height(), libyuv::kFilterBox);
    if (failed != 0) return Failure(Error::unsupported_media);
    return {};
}

}  // namespace sotto::codec
