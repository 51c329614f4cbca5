// Two results beside each other: ratios, how sure they are, and what only one of them has.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bench/results/results.h"

namespace sotto::bench {

struct Interval {
    double low = 0;
    double high = 0;
};

// The 95 % percentile bootstrap interval (Efron, 1979) of the ratio b / a of one percentile of both samples, which are
// ascending, not empty and not negative. Both are drawn anew `resamples` times, seeded.
Interval bootstrap_ratio(const std::vector<double>& a, const std::vector<double>& b, double share, std::uint64_t seed);

// The value below which `share` of the ascending values lie, as bench/measure.h takes it.
double percentile(const std::vector<double>& ascending, double share);

enum class Verdict {
    worse,    // the whole interval lies above the threshold
    better,   // the whole interval lies below its reciprocal
    same,     // neither can be said
    unknown,  // no interval: the files do not tell what the values were taken of
};
const char* to_string(Verdict verdict);

struct Compared {
    std::string subject, name, unit;
    double a = 0, b = 0;
    std::optional<double> ratio{};  // b / a, maybe infinite; none where it would mean nothing
    std::optional<Interval> interval{};
    Verdict verdict = Verdict::unknown;
};

struct ResultComparison {
    double threshold = 1.05;
    std::vector<Compared> compared;
    std::vector<std::string> only_a, only_b;
    bool same_machine = true;  // by the names of processor and system
    bool same_build = true;    // by type and compiler

    std::size_t count(Verdict verdict) const;
    std::string to_text(const Results& a, const Results& b) const;
    // {"schema","program","threshold","same_machine","same_build","a","b","ratios":[{"subject","name","unit","a","b",
    // "ratio","low","high","verdict"}],"only_a","only_b"}; a number is null where there is none, or it is infinite.
    nlohmann::json to_json(const Results& a, const Results& b) const;
};

ResultComparison compare(const Results& a, const Results& b, double threshold);

}  // namespace sotto::bench
