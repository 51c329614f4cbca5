#include "apps/sotto/audio_similarity.h"

extern "C" {
#include <libavutil/tx.h>
}

#include <algorithm>
#include <array>
#include <cmath>
#include <complex>
#include <numbers>
#include <vector>

namespace sotto::app {
namespace {

constexpr std::int64_t hop = 480;    // 10 ms
constexpr std::size_t window = 960;  // 20 ms
constexpr std::size_t bands = 40;
constexpr double lowest = 50.0, highest = 8000.0, rate = 48000.0;

using Spectrum = std::array<double, bands>;

double mel(double hertz) { return 2595.0 * std::log10(1.0 + hertz / 700.0); }

// Which band each bin of the transform falls into; `bands` for none.
std::array<std::size_t, window / 2 + 1> band_of_bin() {
    std::array<std::size_t, window / 2 + 1> table{};
    for (std::size_t bin = 0; bin < table.size(); ++bin) {
        const double hertz = static_cast<double>(bin) * rate / static_cast<double>(window);
        const double place = (mel(hertz) - mel(lowest)) / (mel(highest) - mel(lowest)) * static_cast<double>(bands);
        table[bin] = place < 0 || place >= static_cast<double>(bands) ? bands : static_cast<std::size_t>(place);
    }
    return table;
}

class Analyser {
  public:
    Analyser() {
        const float scale = 1.0F;
        av_tx_init(&context_, &transform_, AV_TX_FLOAT_RDFT, 0, static_cast<int>(window), &scale, 0);
    }
    Analyser(const Analyser&) = delete;
    Analyser& operator=(const Analyser&) = delete;
    ~Analyser() { av_tx_uninit(&context_); }

    Spectrum energies(std::span<const std::int16_t> samples) {
        for (std::size_t i = 0; i < window; ++i) {
            const double turn = 2.0 * std::numbers::pi * static_cast<double>(i) / static_cast<double>(window);
            input_[i] = static_cast<float>(samples[i] * (0.5 - 0.5 * std::cos(turn)));
        }
        transform_(context_, output_.data(), input_.data(), sizeof(float));
        Spectrum energy{};
        for (std::size_t bin = 0; bin < output_.size(); ++bin) {
            if (band_[bin] < bands) energy[band_[bin]] += std::norm(output_[bin]);
        }
        return energy;
    }

  private:
    alignas(64) std::array<float, window> input_{};
    alignas(64) std::array<std::complex<float>, window / 2 + 1> output_{};
    AVTXContext* context_ = nullptr;
    av_tx_fn transform_ = nullptr;
    std::array<std::size_t, window / 2 + 1> band_ = band_of_bin();
};

std::vector<double> loudness(std::span<const std::int16_t> samples) {
    std::vector<double> levels;
    for (std::size_t i = 0; i + hop <= samples.size(); i += hop) {
        double sum = 0;
        for (const std::int16_t s : samples.subspan(i, hop)) sum += std::abs(static_cast<double>(s));
        levels.push_back(std::log1p(sum / static_cast<double>(hop)));
    }
    return levels;
}

template <class A, class B>
double correlation(const A& a, const B& b) {
    const std::size_t n = std::min(a.size(), b.size());
    if (n < 2) return 0;
    double sum_a = 0, sum_b = 0, aa = 0, bb = 0, ab = 0;
    for (std::size_t i = 0; i < n; ++i) {
        const auto x = static_cast<double>(a[i]);
        const auto y = static_cast<double>(b[i]);
        sum_a += x, sum_b += y, aa += x * x, bb += y * y, ab += x * y;
    }
    const auto count = static_cast<double>(n);
    const double variance = (aa - sum_a * sum_a / count) * (bb - sum_b * sum_b / count);
    return variance <= 0 ? 0 : (ab - sum_a * sum_b / count) / std::sqrt(variance);
}

template <class T>
double correlation_at(std::span<const T> sent, std::span<const T> heard, std::int64_t lag) {
    const auto skip_sent = static_cast<std::size_t>(std::max<std::int64_t>(0, -lag));
    const auto skip_heard = static_cast<std::size_t>(std::max<std::int64_t>(0, lag));
    if (skip_sent >= sent.size() || skip_heard >= heard.size()) return 0;
    return correlation(sent.subspan(skip_sent), heard.subspan(skip_heard));
}

template <class T>
std::int64_t best_lag(std::span<const T> sent, std::span<const T> heard, std::int64_t from, std::int64_t to) {
    std::int64_t best = from;
    double highest_yet = -2;
    for (std::int64_t lag = from; lag <= to; ++lag) {
        const double found = correlation_at(sent, heard, lag);
        if (found > highest_yet) highest_yet = found, best = lag;
    }
    return best;
}

std::int64_t find_lag(std::span<const std::int16_t> sent, std::span<const std::int16_t> heard, std::int64_t max_lag) {
    const auto sent_levels = loudness(sent);
    const auto heard_levels = loudness(heard);
    const std::int64_t coarse = best_lag<double>(sent_levels, heard_levels, -max_lag / hop, max_lag / hop) * hop;
    // The fine search needs a few seconds only.
    constexpr std::size_t enough = 4 * 48000;
    return best_lag<std::int16_t>(sent.first(std::min(sent.size(), enough)), heard, coarse - hop, coarse + hop);
}

}  // namespace

AudioSimilarity audio_similarity(std::span<const std::int16_t> sent, std::span<const std::int16_t> heard,
                                 std::int64_t max_lag) {
    if (sent.size() < window || heard.size() < window) return {};
    AudioSimilarity result{.lag = find_lag(sent, heard, max_lag)};
    Analyser analyser;
    std::vector<Spectrum> sent_spectra, heard_spectra;
    double loudest = 1;
    for (std::int64_t at = std::max<std::int64_t>(0, -result.lag);; at += hop) {
        const auto i = static_cast<std::size_t>(at);
        const auto j = static_cast<std::size_t>(at + result.lag);
        if (i + window > sent.size() || j + window > heard.size()) break;
        sent_spectra.push_back(analyser.energies(sent.subspan(i, window)));
        heard_spectra.push_back(analyser.energies(heard.subspan(j, window)));
        for (const double energy : sent_spectra.back()) loudest = std::max(loudest, energy);
    }
    const double floor = loudest * 1e-6;
    std::vector<double> a, b;
    for (std::size_t i = 0; i < sent_spectra.size(); ++i) {
        if (std::ranges::max(sent_spectra[i]) <= floor) continue;
        for (std::size_t band = 0; band < bands; ++band) {
            a.push_back(std::log10(std::max(sent_spectra[i][band], floor)));
            b.push_back(std::log10(std::max(heard_spectra[i][band], floor)));
        }
    }
    result.similarity = std::max(0.0, correlation(a, b));
    return result;
}

}  // namespace sotto::app
