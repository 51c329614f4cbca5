#include "bench/results/comparison.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <utility>

namespace sotto::bench {
namespace {

constexpr int resamples = 4000;
constexpr std::uint64_t first_seed = 0x50770;

std::size_t index_of(std::size_t count, double share) {
    return static_cast<std::size_t>(std::lround(share * static_cast<double>(count - 1)));
}

double quotient(double b, double a) { return a > 0 ? b / a : b > 0 ? INFINITY : 1; }

// The k-th of n values drawn with replacement out of n is the one at floor(n U), where U is the k-th of n uniform
// draws: Beta(k, n + 1 - k), a quotient of gammas. So a resample costs two draws, whatever n is, and no sorting.
class Resampler {
  public:
    Resampler(const std::vector<double>& ascending, double share)
        : values_(ascending),
          below_(static_cast<double>(index_of(ascending.size(), share) + 1)),
          above_(static_cast<double>(ascending.size() + 1) - below_.alpha()) {}

    double draw(std::mt19937_64& random) {
        const double below = below_(random);
        const double rank = below / (below + above_(random));
        const auto at = static_cast<std::size_t>(rank * static_cast<double>(values_.size()));
        return values_[std::min(at, values_.size() - 1)];
    }

  private:
    const std::vector<double>& values_;
    std::gamma_distribution<double> below_, above_;
};

bool has_interval(const Measure& a, const Measure& b) {
    return !a.samples.empty() && !b.samples.empty() && a.samples.front() >= 0 && b.samples.front() >= 0;
}

Verdict judge(const Interval& interval, double threshold) {
    if (interval.low > threshold) return Verdict::worse;
    if (interval.high < 1 / threshold) return Verdict::better;
    return Verdict::same;
}

Compared compare_one(const Measure& a, const Measure& b, double threshold, std::uint64_t seed) {
    Compared compared{.subject = a.subject, .name = a.name, .unit = a.unit, .a = a.value, .b = b.value};
    if (has_interval(a, b)) {
        // The ratio belongs to the interval: of the same samples, which may be some of all frames.
        compared.a = percentile(a.samples, a.share);
        compared.b = percentile(b.samples, b.share);
        compared.ratio = quotient(compared.b, compared.a);
        compared.interval = bootstrap_ratio(a.samples, b.samples, a.share, seed);
    } else if (a.counted && b.counted && a.value >= 0 && b.value >= 0) {
        compared.ratio = quotient(b.value, a.value);
        compared.interval = {*compared.ratio, *compared.ratio};
    } else if (a.value > 0 && b.value >= 0) {
        compared.ratio = b.value / a.value;
    }
    if (compared.interval) compared.verdict = judge(*compared.interval, threshold);
    return compared;
}

bool alike(const Results& a, const Results& b, const char* group, std::initializer_list<const char*> keys) {
    return std::ranges::all_of(keys, [&](const char* key) { return a.text(group, key) == b.text(group, key); });
}

}  // namespace

double percentile(const std::vector<double>& ascending, double share) {
    return ascending[index_of(ascending.size(), share)];
}

Interval bootstrap_ratio(const std::vector<double>& a, const std::vector<double>& b, double share, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    Resampler from_a(a, share), from_b(b, share);
    std::vector<double> ratios(resamples);
    for (double& ratio : ratios) {
        const double drawn_b = from_b.draw(random);
        ratio = quotient(drawn_b, from_a.draw(random));
    }
    std::ranges::sort(ratios);
    return {.low = percentile(ratios, 0.025), .high = percentile(ratios, 0.975)};
}

const char* to_string(Verdict verdict) {
    switch (verdict) {
        case Verdict::worse: return "worse";
        case Verdict::better: return "better";
        case Verdict::same: return "same";
        case Verdict::unknown: break;
    }
    return "unknown";
}

std::size_t ResultComparison::count(Verdict verdict) const {
    return static_cast<std::size_t>(std::ranges::count(compared, verdict, &Compared::verdict));
}

ResultComparison compare(const Results& a, const Results& b, double threshold) {
    ResultComparison result{.threshold = threshold,
                            .compared = {},
                            .only_a = {},
                            .only_b = {},
                            .same_machine = alike(a, b, "machine", {"cpu", "system"}),
                            .same_build = alike(a, b, "build", {"type", "compiler"})};
    std::map<std::pair<std::string, std::string>, const Measure*> in_b;
    for (const Measure& measure : b.measures) in_b[{measure.subject, measure.name}] = &measure;
    std::uint64_t seed = first_seed;
    for (const Measure& measure : a.measures) {
        const auto found = in_b.find({measure.subject, measure.name});
        if (found == in_b.end() || found->second->unit != measure.unit) {
            result.only_a.push_back(measure.subject + ": " + measure.name);
            continue;
        }
        result.compared.push_back(compare_one(measure, *found->second, threshold, ++seed));
        in_b.erase(found);
    }
    for (const Measure& measure : b.measures) {
        if (!in_b.contains({measure.subject, measure.name})) continue;
        result.only_b.push_back(measure.subject + ": " + measure.name);
    }
    return result;
}

}  // namespace sotto::bench
