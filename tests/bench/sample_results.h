// Results as sotto-bench writes them, of runs that never were; seeded.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

namespace sotto::test {

using nlohmann::json;

inline json envelope() {
    return {{"schema", 2},
            {"date", "2026-11-30T00:00:00Z"},
            {"machine", {{"cpu", "a processor"}, {"system", "a system"}}},
            {"build", {{"type", "Release"}, {"compiler", "a compiler"}, {"git_revision", "abc"}}}};
}

// `rounds` values about `median`, a tenth apart.
inline json figure(const std::string& name, double median, std::uint64_t seed, std::size_t rounds = 200) {
    std::mt19937_64 random(seed);
    std::normal_distribution<double> spread(0, 0.1);
    std::vector<double> values(rounds);
    for (double& value : values) value = median * std::exp(spread(random));
    return {{"subject", "srtp path"}, {"name", name},        {"unit", "us"},      {"median", median},
            {"p10", median * 0.9},    {"p90", median * 1.1}, {"samples", rounds}, {"at_most", 25},
            {"met", median <= 25},    {"rounds", values}};
}

inline json counted(const std::string& name, double value) {
    return {{"subject", "memory"}, {"name", name}, {"unit", "a frame"}, {"median", value},  {"p10", value},
            {"p90", value},        {"samples", 1}, {"at_most", 0},      {"met", value == 0}};
}

inline json suite(const std::vector<json>& figures) {
    json file = envelope();
    file["program"] = "sotto-bench";
    file["figures"] = figures;
    return file;
}

inline json percentiles(std::vector<double> values) {
    std::ranges::sort(values);
    const auto at = [&](double share) {
        return values[static_cast<std::size_t>(std::lround(share * static_cast<double>(values.size() - 1)))];
    };
    return {{"p50", at(0.5)},  {"p90", at(0.9)},     {"p95", at(0.95)},
            {"p99", at(0.99)}, {"p99_9", at(0.999)}, {"max", at(1)}};
}

// A run of two stages; `tail` lengthens the slowest twentieth of the first.
inline json run(const std::string& name, std::uint64_t seed, double tail = 1, std::size_t frames = 2000) {
    std::mt19937_64 random(seed);
    std::normal_distribution<double> spread(0, 0.1);
    std::vector<double> encode, decode, total;
    json rows = json::array();
    for (std::size_t i = 0; i < frames; ++i) {
        encode.push_back(2000 * std::exp(spread(random)) * (random() % 20 == 0 ? 1.3 * tail : 1));
        decode.push_back(700 * std::exp(spread(random)));
        total.push_back(encode.back() + decode.back());
        rows.push_back({static_cast<double>(i) / 30, total.back(), encode.back(), decode.back()});
    }
    return {{"name", name},
            {"medium", "video"},
            {"frames", frames},
            {"dropped", 0},
            {"cpu_us_per_frame", 2800},
            {"peak_rss_kib", 30000},
            {"allocations_per_frame", 0},
            {"total_us", percentiles(total)},
            {"stages",
             {{{"name", "encode"}, {"us", percentiles(encode)}}, {{"name", "decode"}, {"us", percentiles(decode)}}}},
            {"samples", std::move(rows)}};
}

inline json latency(const std::vector<json>& runs) {
    json file = envelope();
    file["program"] = "sotto-bench latency";
    file["runs"] = runs;
    return file;
}

}  // namespace sotto::test
