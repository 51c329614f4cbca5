// Pictures and sound whose every part is recognisable: everything in them moves, and the pitch never comes
// twice.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>
#include <span>
#include <string>
#include <vector>

#include "codec/i420.h"

namespace sotto::test {

// Drifting waves under a bright square that crosses the picture.
inline codec::I420Buffer scene_picture(int number, int width, int height) {
    auto picture = std::move(*codec::I420Buffer::create(width, height));
    const int left = number * 4 % (width - 48), top = number * 3 % (height - 48);
    for (int y = 0; y < height; ++y) {
        for (int x = 0; x < width; ++x) {
            const bool square = x >= left && x < left + 48 && y >= top && y < top + 48;
            const double wave = std::sin((x + 5 * number) / 11.0) * std::cos((y - 3 * number) / 13.0);
            picture.plane(0)[static_cast<std::size_t>(y) * picture.stride(0) + static_cast<std::size_t>(x)] =
                static_cast<std::uint8_t>(square ? 230 : 110 + 70 * wave);
        }
    }
    for (const int chroma : {1, 2}) {
        for (std::size_t i = 0; i < picture.plane(chroma).size(); ++i) {
            const auto row = static_cast<int>(i / picture.stride(chroma));
            picture.plane(chroma)[i] = static_cast<std::uint8_t>(chroma == 1 ? 100 + row / 4 : 150 - row / 4);
        }
    }
    return picture;
}

// A voice-like glide from 200 Hz upwards, 300 Hz a second, swelling and fading.
inline std::vector<std::int16_t> scene_sound(std::size_t first, std::size_t samples) {
    std::vector<std::int16_t> sound(samples);
    for (std::size_t i = 0; i < samples; ++i) {
        const double t = static_cast<double>(first + i) / 48000.0;
        const double swell = 0.7 + 0.3 * std::sin(2 * std::numbers::pi * 3 * t);
        sound[i] = static_cast<std::int16_t>(9000 * swell * std::sin(2 * std::numbers::pi * (200 + 150 * t) * t));
    }
    return sound;
}

// A file of raw I420 pictures, as GStreamer writes it.
inline std::vector<codec::I420Buffer> raw_pictures(const std::string& bytes, int width, int height) {
    std::vector<codec::I420Buffer> pictures;
    const std::size_t size = static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3 / 2;
    for (std::size_t at = 0; at + size <= bytes.size(); at += size) {
        auto& picture = pictures.emplace_back(std::move(*codec::I420Buffer::create(width, height)));
        const char* from = bytes.data() + at;
        for (const int plane : {0, 1, 2}) {
            std::memcpy(picture.plane(plane).data(), from, picture.plane(plane).size());
            from += picture.plane(plane).size();
        }
    }
    return pictures;
}

// A file of 16-bit samples in this machine's order.
inline std::vector<std::int16_t> raw_samples(const std::string& bytes) {
    std::vector<std::int16_t> samples(bytes.size() / 2);
    std::memcpy(samples.data(), bytes.data(), samples.size() * 2);
    return samples;
}

// How alike they are, from -1 to 1, at the best delay of `heard` up to `delays` samples.
inline double best_correlation(std::span<const std::int16_t> sent, std::span<const std::int16_t> heard,
                               std::size_t delays) {
    double best = -1;
    for (std::size_t delay = 0; delay < std::min(delays, heard.size()); ++delay) {
        double both = 0, one = 1, other = 1;
        for (std::size_t i = 0; i < std::min(sent.size(), heard.size() - delay); ++i) {
            const double a = sent[i], b = heard[i + delay];
            both += a * b, one += a * a, other += b * b;
        }
        best = std::max(best, both / std::sqrt(one * other));
    }
    return best;
}

// The share of the sound's energy that is a steady tone of this frequency (a single bin of the Fourier
// transform).
inline double tone_share(std::span<const std::int16_t> sound, double frequency) {
    double cosine = 0, sine = 0, energy = 1;
    for (std::size_t i = 0; i < sound.size(); ++i) {
        const double angle = 2 * std::numbers::pi * frequency * static_cast<double>(i) / 48000.0;
        cosine += sound[i] * std::cos(angle), sine += sound[i] * std::sin(angle);
        energy += static_cast<double>(sound[i]) * sound[i];
    }
    return 2 * (cosine * cosine + sine * sine) / (static_cast<double>(sound.size()) * energy);
}

}  // namespace sotto::test
