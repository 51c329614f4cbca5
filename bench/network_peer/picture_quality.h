// How near a shown picture is to the one that was captured: SSIM and squared error of their luma.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace sotto::bench {

// Luma samples row by row, without padding.
struct Luma {
    int width = 0;
    int height = 0;
    std::vector<std::uint8_t> samples;
};

// Bilinear, sample centres aligned.
Luma scaled(const Luma& picture, int width, int height);

// Mean structural similarity (Wang et al., IEEE Trans. Image Processing 13(4), 2004) over uniform 8x8 windows, four
// samples apart, with C1 = (0.01 * 255)^2 and C2 = (0.03 * 255)^2. Both of one size, at least 8x8.
double ssim(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b, int width, int height);

double mean_squared_error(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b);
// Peak signal-to-noise ratio in dB, 99 for nothing wrong.
double psnr(double mean_squared_error);

}  // namespace sotto::bench
