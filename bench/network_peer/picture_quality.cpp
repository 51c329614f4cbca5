#include "bench/network_peer/picture_quality.h"

#include <algorithm>
#include <cmath>

namespace sotto::bench {
namespace {

constexpr int window = 8;
constexpr int step = 4;

// Where an output sample lies between two input samples.
struct Tap {
    std::size_t low = 0, high = 0;
    double share = 0;  // of `high`
};

Tap tap(int at, int from, int to) {
    const double place = std::clamp((at + 0.5) * from / to - 0.5, 0.0, from - 1.0);
    const auto low = static_cast<std::size_t>(place);
    return {low, std::min(low + 1, static_cast<std::size_t>(from - 1)), place - static_cast<double>(low)};
}

double window_ssim(const std::uint8_t* a, const std::uint8_t* b, std::size_t stride) {
    constexpr double count = window * window, c1 = 6.5025, c2 = 58.5225;
    int sum_a = 0, sum_b = 0, aa = 0, bb = 0, ab = 0;
    for (std::size_t y = 0; y < window; ++y) {
        for (std::size_t x = 0; x < window; ++x) {
            const int p = a[y * stride + x], q = b[y * stride + x];
            sum_a += p, sum_b += q, aa += p * p, bb += q * q, ab += p * q;
        }
    }
    const double mean_a = sum_a / count, mean_b = sum_b / count;
    const double variances = aa / count - mean_a * mean_a + bb / count - mean_b * mean_b;
    const double covariance = ab / count - mean_a * mean_b;
    return (2 * mean_a * mean_b + c1) * (2 * covariance + c2) /
           ((mean_a * mean_a + mean_b * mean_b + c1) * (variances + c2));
}

}  // namespace

Luma scaled(const Luma& picture, int width, int height) {
    Luma out{.width = width, .height = height, .samples = {}};
    out.samples.reserve(static_cast<std::size_t>(width) * static_cast<std::size_t>(height));
    const auto stride = static_cast<std::size_t>(picture.width);
    for (int y = 0; y < height; ++y) {
        const Tap row = tap(y, picture.height, height);
        const std::uint8_t* const upper = picture.samples.data() + row.low * stride;
        const std::uint8_t* const lower = picture.samples.data() + row.high * stride;
        for (int x = 0; x < width; ++x) {
            const Tap column = tap(x, picture.width, width);
            const auto across = [&](const std::uint8_t* line) {
                return line[column.low] * (1 - column.share) + line[column.high] * column.share;
            };
            const double value = across(upper) * (1 - row.share) + across(lower) * row.share;
            out.samples.push_back(static_cast<std::uint8_t>(std::lround(value)));
        }
    }
    return out;
}

double ssim(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b, int width, int height) {
    const auto stride = static_cast<std::size_t>(width);
    double sum = 0;
    int windows = 0;
    for (int y = 0; y + window <= height; y += step) {
        for (int x = 0; x + window <= width; x += step) {
            const std::size_t at = static_cast<std::size_t>(y) * stride + static_cast<std::size_t>(x);
            sum += window_ssim(a.data() + at, b.data() + at, stride);
            ++windows;
        }
    }
    return sum / windows;
}

double mean_squared_error(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
    return sum / static_cast<double>(a.size());
}

double psnr(double mean_squared_error) {
    return mean_squared_error <= 0 ? 99.0 : std::min(99.0, 10 * std::log10(255.0 * 255.0 / mean_squared_error));
}

}  // namespace sotto::bench
