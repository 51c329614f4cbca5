// How a time spreads over many frames.
#pragma once

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <vector>

namespace sotto::bench {

// Nearest rank: each is a value that was measured. All zero of nothing.
struct Percentiles {
    double p50 = 0, p90 = 0, p95 = 0, p99 = 0, p99_9 = 0, max = 0;
};

inline Percentiles percentiles(std::vector<double> values) {
    if (values.empty()) return {};
    std::ranges::sort(values);
    const auto at = [&](double share) {
        const double rank = std::ceil(share * static_cast<double>(values.size()));
        return values[static_cast<std::size_t>(std::max(rank, 1.0)) - 1];
    };
    return {.p50 = at(0.5), .p90 = at(0.9), .p95 = at(0.95), .p99 = at(0.99), .p99_9 = at(0.999), .max = values.back()};
}

inline void to_json(nlohmann::json& json, const Percentiles& p) {
    json = {{"p50", p.p50}, {"p90", p.p90}, {"p95", p.p95}, {"p99", p.p99}, {"p99_9", p.p99_9}, {"max", p.max}};
}

}  // namespace sotto::bench
