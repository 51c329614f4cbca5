#include "codec/time_scale.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

namespace sotto::codec {
namespace {

constexpr std::size_t most_frames = longest_period + 960;  // longer sound is judged by its start
constexpr std::size_t longest_overlap = 240;               // 5 ms
constexpr std::size_t decimation = 4;                      // the search runs at 12 kHz, where speech has its periods
constexpr double similar = 0.85;                           // correlation from which a splice is not heard
constexpr double quiet = 60;                               // root mean square below which any splice is not heard

using Mono = std::array<float, most_frames>;

struct Join {
    std::size_t period = 0;   // between the two places that are alike
    std::size_t later = 0;    // the later one
    std::size_t overlap = 0;  // over which one is faded into the other
};

void mix(std::span<const std::int16_t> pcm, std::size_t channels, std::span<float> mono) {
    for (std::size_t i = 0; i < mono.size(); ++i) {
        float sum = 0;
        for (std::size_t c = 0; c < channels; ++c) sum += pcm[i * channels + c];
        mono[i] = sum / static_cast<float>(channels);
    }
}

double energy(std::span<const float> samples) {
    double sum = 0;
    for (const float sample : samples) sum += static_cast<double>(sample) * sample;
    return sum;
}

// Where sound is compared with itself: the later place lies behind what has been heard and at least a lag from the
// start.
struct Search {
    std::span<const float> samples;
    std::size_t heard = 0;
    std::size_t overlap = 0;

    std::size_t later(std::size_t lag) const { return std::max(heard, lag); }
    // Normalised cross-correlation of the two places.
    double likeness(std::size_t lag) const {
        const auto early = samples.subspan(later(lag) - lag, overlap), late = samples.subspan(later(lag), overlap);
        double both = 0;
        for (std::size_t i = 0; i < overlap; ++i) both += static_cast<double>(early[i]) * late[i];
        const double norm = std::sqrt(energy(early) * energy(late));
        return norm > 0 ? both / norm : 0;
    }
    std::size_t best_lag(std::size_t from, std::size_t to) const {
        std::size_t best = from;
        double most = -1;
        for (std::size_t lag = from; lag <= to; ++lag) {
            const double like = likeness(lag);
            if (like > most) most = like, best = lag;
        }
        return best;
    }
};

// Where the sound is found again a period later, or several if the splice is to be long.
std::optional<Join> find_join(std::span<const float> mono, std::size_t heard, std::size_t limit, Fit fit) {
    const std::size_t overlap = std::min(mono.size() / 4, longest_overlap);
    const std::size_t longest = std::min({limit, longest_period, mono.size() - overlap});
    if (longest < shortest_period || heard + overlap > mono.size()) return std::nullopt;
    const Search fine{mono, heard, overlap};
    if (energy(mono) < quiet * quiet * static_cast<double>(mono.size())) {
        return Join{longest, fine.later(longest), overlap};
    }

    const std::size_t shortest = fit == Fit::best ? std::max(shortest_period, longest / 2) : shortest_period;
    std::array<float, most_frames / decimation> room{};
    const std::span<float> coarse = std::span(room).first(mono.size() / decimation);
    for (std::size_t i = 0; i < coarse.size(); ++i) {
        const auto group = mono.subspan(i * decimation, decimation);
        coarse[i] = (group[0] + group[1] + group[2] + group[3]) / decimation;
    }
    const std::size_t near = decimation * Search{coarse, heard / decimation, overlap / decimation}.best_lag(
                                              shortest / decimation, longest / decimation);
    const std::size_t period =
        fine.best_lag(std::max(shortest, near - decimation), std::min(longest, near + decimation));
    if (fit == Fit::unheard && fine.likeness(period) < similar) return std::nullopt;
    return Join{period, fine.later(period), overlap};
}

std::optional<Join> find_join(std::span<const std::int16_t> pcm, std::size_t channels, std::size_t heard,
                              std::size_t limit, Fit fit) {
    const std::size_t frames = std::min(pcm.size() / channels, most_frames);
    if (frames < 2 * shortest_period) return std::nullopt;
    Mono samples{};
    const std::span<float> mono = std::span(samples).first(frames);
    mix(pcm, channels, mono);
    return find_join(mono, heard, limit, fit);
}

// Raised cosine: `share` runs from 0 to 1 across the overlap.
std::int16_t faded(std::int16_t from, std::int16_t to, double share) {
    const double weight = 0.5 - 0.5 * std::cos(3.14159265358979 * share);
    return static_cast<std::int16_t>(std::lround(from * (1 - weight) + to * weight));
}

double share_of(std::size_t i, std::size_t overlap) {
    return (static_cast<double>(i) + 0.5) / static_cast<double>(overlap);
}

}  // namespace

std::size_t shorten(std::span<std::int16_t> pcm, int channel_count, std::size_t limit) {
    const auto channels = static_cast<std::size_t>(channel_count);
    const auto join = find_join(pcm, channels, 0, limit, Fit::unheard);
    if (!join) return 0;
    const std::size_t removed = join->period * channels;
    for (std::size_t i = 0; i < join->overlap * channels; ++i) {
        pcm[i] = faded(pcm[i], pcm[i + removed], share_of(i / channels, join->overlap));
    }
    const auto rest = pcm.subspan(join->overlap * channels);
    std::copy(rest.begin() + static_cast<std::ptrdiff_t>(removed), rest.end(), rest.begin());
    return join->period;
}

std::size_t stretch(std::span<std::int16_t> pcm, std::size_t frames, int channel_count, std::size_t limit,
                    std::size_t heard, Fit fit) {
    const auto channels = static_cast<std::size_t>(channel_count);
    const std::size_t room = pcm.size() / channels - frames;
    const auto join = find_join(pcm.first(frames * channels), channels, heard, std::min(limit, room), fit);
    if (!join) return 0;
    const std::size_t inserted = join->period * channels, from = join->later * channels, end = frames * channels;
    const auto at = [&](std::size_t i) { return pcm.begin() + static_cast<std::ptrdiff_t>(i); };
    std::copy_backward(at(from - inserted), at(end), at(end + inserted));
    // The sound goes on as it did, and fades into its own repetition. Each sample is read before it is written.
    for (std::size_t i = from; i < from + join->overlap * channels; ++i) {
        pcm[i] = faded(pcm[i + inserted], pcm[i], share_of((i - from) / channels, join->overlap));
    }
    return join->period;
}

}  // namespace sotto::codec
