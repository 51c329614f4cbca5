#include "codec/i420.h"

#include <algorithm>
#include <cmath>

namespace sotto::codec {
namespace {

constexpr int max_side = 16383;

std::size_t half(int size) { return (static_cast<std::size_t>(size) + 1) / 2; }
std::size_t plane_width(int width, std::size_t plane) {
    return plane == 0 ? static_cast<std::size_t>(width) : half(width);
}
std::size_t plane_height(int height, std::size_t plane) {
    return plane == 0 ? static_cast<std::size_t>(height) : half(height);
}

// Gives every sample of a rectangle their mean.
void flatten(std::span<std::uint8_t> from, std::size_t stride, std::size_t width, std::size_t height) {
    std::size_t sum = 0;
    for (std::size_t row = 0; row < height; ++row) {
        for (const std::uint8_t sample : from.subspan(row * stride, width)) sum += sample;
    }
    const auto mean = static_cast<std::uint8_t>(sum / (width * height));
    for (std::size_t row = 0; row < height; ++row) std::ranges::fill(from.subspan(row * stride, width), mean);
}

}  // namespace

Result<I420Buffer> I420Buffer::create(int width, int height) {
    if (width < 1 || height < 1 || width > max_side || height > max_side) return Failure(Error::unsupported_media);
    I420Buffer buffer;
    buffer.width_ = width;
    buffer.height_ = height;
    buffer.samples_.resize(plane_width(width, 0) * plane_height(height, 0) +
                           2 * plane_width(width, 1) * plane_height(height, 1));
    return buffer;
}

std::size_t I420Buffer::stride(int plane) const { return plane_width(width_, static_cast<std::size_t>(plane)); }

std::span<std::uint8_t> I420Buffer::plane(int plane) {
    const std::size_t luma = plane_width(width_, 0) * plane_height(height_, 0);
    const std::size_t chroma = plane_width(width_, 1) * plane_height(height_, 1);
    if (plane == 0) return std::span(samples_).first(luma);
    return std::span(samples_).subspan(luma + (plane == 2 ? chroma : 0), chroma);
}

VideoFrame I420Buffer::view(Instant captured) const {
    VideoFrame frame{.width = width_, .height = height_, .captured = captured};
    const std::uint8_t* next = samples_.data();
    for (std::size_t i = 0; i < 3; ++i) {
        frame.planes[i] = {.data = next, .stride = plane_width(width_, i)};
        next += plane_width(width_, i) * plane_height(height_, i);
    }
    return frame;
}

Result<void> copy(const VideoFrame& from, I420Buffer& to) {
    if (from.width != to.width() || from.height != to.height()) return Failure(Error::unsupported_media);
    for (std::size_t i = 0; i < 3; ++i) {
        const std::span<std::uint8_t> target = to.plane(static_cast<int>(i));
        const std::size_t width = plane_width(from.width, i);
        for (std::size_t row = 0; row < plane_height(from.height, i); ++row) {
            std::copy_n(from.planes[i].data + row * from.planes[i].stride, width, target.data() + row * width);
        }
    }
    return {};
}

Result<void> copy_coarse(const VideoFrame& from, int side, I420Buffer& to) {
    const auto copied = copy(from, to);
    if (!copied) return copied;
    for (std::size_t i = 0; i < 3; ++i) {
        const std::span<std::uint8_t> samples = to.plane(static_cast<int>(i));
        const std::size_t width = plane_width(from.width, i);
        const std::size_t height = plane_height(from.height, i);
        const auto step = static_cast<std::size_t>(std::max(side, 1));
        for (std::size_t y = 0; y < height; y += step) {
            for (std::size_t x = 0; x < width; x += step) {
                flatten(samples.subspan(y * width + x), width, std::min(step, width - x), std::min(step, height - y));
            }
        }
    }
    return {};
}

Result<double> luma_psnr(const VideoFrame& a, const VideoFrame& b) {
    if (a.width != b.width || a.height != b.height) return Failure(Error::unsupported_media);
    std::uint64_t squares = 0;
    const std::size_t width = plane_width(a.width, 0);
    for (std::size_t row = 0; row < plane_height(a.height, 0); ++row) {
        const std::uint8_t* left = a.planes[0].data + row * a.planes[0].stride;
        const std::uint8_t* right = b.planes[0].data + row * b.planes[0].stride;
        for (std::size_t x = 0; x < width; ++x) {
            const int difference = left[x] - right[x];
            squares += static_cast<std::uint64_t>(difference * difference);
        }
    }
    if (squares == 0) return 99.0;
    const double mean = static_cast<double>(squares) / static_cast<double>(width * plane_height(a.height, 0));
    return std::min(99.0, 10.0 * std::log10(255.0 * 255.0 / mean));
}

}  // namespace sotto::codec
