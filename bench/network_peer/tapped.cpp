#include "bench/network_peer/tapped.h"

#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <limits>
#include <vector>

#include "apps/sotto/audio_similarity.h"
#include "bench/measure.h"
#include "bench/network_peer/picture_quality.h"

namespace sotto::bench {
namespace {

constexpr std::size_t sparse = 8;  // rows and columns apart: enough to tell pictures from one another

std::string read(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    require(file.good(), ("cannot read " + path).c_str());
    return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<Luma> read_pictures(const std::string& path) {
    const std::string bytes = read(path);
    std::vector<Luma> pictures;
    for (std::size_t at = 0; at < bytes.size();) {
        std::array<std::uint32_t, 2> size{};
        require(bytes.size() - at > sizeof(size), "the kept pictures are cut short");
        std::memcpy(size.data(), bytes.data() + at, sizeof(size));
        at += sizeof(size);
        const std::size_t samples = std::size_t{size[0]} * size[1];
        require(size[0] <= 16384 && size[1] <= 16384 && bytes.size() - at >= samples, "a kept picture is cut short");
        const char* const first = bytes.data() + at;
        pictures.push_back({.width = static_cast<int>(size[0]),
                            .height = static_cast<int>(size[1]),
                            .samples = {first, first + samples}});
        at += samples;
    }
    return pictures;
}

std::vector<std::int16_t> read_sound(const std::string& path) {
    const std::string bytes = read(path);
    std::vector<std::int16_t> samples(bytes.size() / 2);
    std::memcpy(samples.data(), bytes.data(), samples.size() * 2);
    return samples;
}

std::int64_t sparse_difference(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b, std::size_t width) {
    std::int64_t sum = 0;
    for (std::size_t row = 0; row + width <= a.size(); row += sparse * width) {
        for (std::size_t i = row; i < row + width; i += sparse) sum += (a[i] - b[i]) * (a[i] - b[i]);
    }
    return sum;
}

std::span<const std::uint8_t> nearest(const Pictures& source, const Luma& seen) {
    std::uint64_t best = 0;
    std::int64_t least = std::numeric_limits<std::int64_t>::max();
    for (std::uint64_t i = 0; i < source.count(); ++i) {
        const std::int64_t found =
            sparse_difference(source.luma(i), seen.samples, static_cast<std::size_t>(source.width()));
        if (found < least) least = found, best = i;
    }
    return source.luma(best);
}

double rounded(double value, int digits) {
    const double scale = std::pow(10.0, digits);
    return std::round(value * scale) / scale;
}

}  // namespace

nlohmann::ordered_json judge_tapped(const std::string& folder, const Pictures& source) {
    nlohmann::ordered_json judged{
        {"ssim", nullptr}, {"psnr_db", nullptr}, {"mouth_to_ear_ms", nullptr}, {"similarity", nullptr}};
    double likeness = 0, error = 0;
    const std::vector<Luma> pictures = read_pictures(folder + "/pictures");
    for (const Luma& picture : pictures) {
        const Luma seen = scaled(picture, source.width(), source.height());
        const auto original = nearest(source, seen);
        likeness += ssim(original, seen.samples, source.width(), source.height());
        error += mean_squared_error(original, seen.samples);
    }
    if (!pictures.empty()) {
        const auto count = static_cast<double>(pictures.size());
        judged["ssim"] = rounded(likeness / count, 4);
        judged["psnr_db"] = rounded(psnr(error / count), 2);
    }
    const auto said = read_sound(folder + "/said"), heard = read_sound(folder + "/heard");
    if (said.size() >= audio_rate && heard.size() >= audio_rate) {
        const app::AudioSimilarity found = app::audio_similarity(said, heard);
        // Heard before it was said: a page lost some of it, and nothing is known.
        if (found.lag > 0) judged["mouth_to_ear_ms"] = rounded(static_cast<double>(found.lag) * 1e3 / audio_rate, 1);
        judged["similarity"] = rounded(found.similarity, 4);
    }
    return judged;
}

}  // namespace sotto::bench
