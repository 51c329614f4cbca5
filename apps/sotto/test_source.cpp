#include "apps/sotto/test_source.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace sotto::app {
namespace {

// SplitMix64's finaliser (Steele et al. 2014): a repeatable hash of pixel and frame.
std::uint64_t mix(std::uint64_t x) {
    x += 0x9e3779b97f4a7c15;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return x ^ (x >> 31);
}

struct Shape {
    double x, y, radius;
    bool holds(double px, double py) const { return (px - x) * (px - x) + (py - y) * (py - y) < radius * radius; }
};

struct Scene {
    double pan;
    Shape first, second;
    int hue;
};

Scene scene_at(double seconds, int width, int height) {
    const auto shot = static_cast<int>(seconds / 4.0);
    const double local = seconds - shot * 4.0;
    const double w = width, h = height;
    return {
        .pan = local * w * 0.08 + shot * 37.0,
        .first = {w * (0.3 + 0.2 * std::sin(local * 1.7 + shot)), h * (0.5 + 0.2 * std::cos(local * 1.3)), h * 0.22},
        .second = {w * (0.7 - 0.1 * local * 0.5), h * (0.35 + 0.1 * std::sin(local * 3.1)), h * 0.12},
        .hue = shot % 5};
}

int luma(const Scene& scene, int x, int y) {
    const double px = x, py = y;
    if (scene.first.holds(px, py)) return 150 + static_cast<int>(40 * std::sin(px * 0.21) * std::cos(py * 0.17));
    if (scene.second.holds(px, py)) return 90 + static_cast<int>(30 * std::sin((px + py) * 0.4));
    const double across = px + scene.pan;
    return 110 + static_cast<int>(35 * std::sin(across * 0.045) + 20 * std::sin(py * 0.11 + across * 0.02));
}

}  // namespace

void render_scene(std::uint64_t index, double frame_rate, codec::I420Buffer& out) {
    const Scene scene = scene_at(static_cast<double>(index) / frame_rate, out.width(), out.height());
    const auto y_plane = out.plane(0);
    std::uint64_t noise = 0;
    for (int y = 0; y < out.height(); ++y) {
        for (int x = 0; x < out.width(); ++x) {
            const auto i = static_cast<std::size_t>(y) * out.stride(0) + static_cast<std::size_t>(x);
            if (i % 16 == 0) noise = mix(index << 32 | i);
            const int grain = static_cast<int>(noise >> (4 * (i % 16)) & 0xf) / 4 - 2;
            y_plane[i] = static_cast<std::uint8_t>(std::clamp(luma(scene, x, y) + grain, 16, 235));
        }
    }
    for (int plane = 1; plane <= 2; ++plane) {
        const auto chroma = out.plane(plane);
        const std::size_t stride = out.stride(plane);
        for (std::size_t i = 0; i < chroma.size(); ++i) {
            const int x = static_cast<int>(i % stride) * 2;
            const int y = static_cast<int>(i / stride) * 2;
            const bool shape = scene.first.holds(x, y) || scene.second.holds(x, y);
            chroma[i] = static_cast<std::uint8_t>(128 + (shape ? 30 - 12 * scene.hue : 8 * (scene.hue - plane)));
        }
    }
}

void render_voice(std::uint64_t first, std::span<std::int16_t> out, int channels) {
    constexpr double rate = 48000.0;
    const auto width = static_cast<std::size_t>(channels);
    for (std::size_t i = 0; i < out.size() / width; ++i) {
        const double t = static_cast<double>(first + i) / rate;
        const double syllable = t * 3.3 - std::floor(t * 3.3);
        const auto word = static_cast<std::uint64_t>(t * 3.3);
        const bool pause = mix(word) % 5 == 0;
        const double loudness = pause ? 0.0 : std::sin(syllable * std::numbers::pi);
        const double pitch = 110.0 + 30.0 * static_cast<double>(mix(word + 7) % 100) / 100.0;
        const double formant = 500.0 + 900.0 * static_cast<double>(mix(word + 13) % 100) / 100.0;
        double value = 0.0;
        for (int harmonic = 1; harmonic <= 24; ++harmonic) {
            const double frequency = pitch * harmonic;
            const double away = (frequency - formant) / 350.0;
            value += std::exp(-away * away) * std::sin(2.0 * std::numbers::pi * frequency * t);
        }
        const auto sample = static_cast<std::int16_t>(std::clamp(value * loudness * 5000.0, -32000.0, 32000.0));
        for (std::size_t c = 0; c < width; ++c) out[i * width + c] = sample;
    }
}

}  // namespace sotto::app
