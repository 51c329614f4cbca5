// The results that sotto-bench wrote with --json, read back. A file may come from anybody: what is not as it should be
// is refused with a sentence that says where.
#pragma once

#include <expected>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace sotto::bench {

inline constexpr int results_schema = 2;  // bench/README.md, "Results"

// One number of a file, under a name by which the same one is found in another file. Less is better.
struct Measure {
    std::string subject;  // a figure's subject, or a run's name
    std::string name;     // a figure's name, or such as "encode p99"
    std::string unit;
    double value = 0;
    double share = 0.5;             // which part of `samples` lies below `value`
    std::vector<double> samples{};  // what the value was taken of, ascending; empty where the file does not tell
    bool counted = false;           // exact: the same work gives the same value
};

struct Results {
    std::string name;     // what people call it: the file's name
    nlohmann::json json;  // the whole file; what compare and the page read of it has been checked
    std::vector<Measure> measures;

    // A text such as build.type; empty where there is none.
    std::string text(const char* group, const char* key) const;
    std::string origin() const;  // date, processor and revision, for one line
};

// The error is a sentence without the file's name.
std::expected<Results, std::string> parse_results(std::string_view text, std::string name);
// The error is a sentence with the file's name.
std::expected<Results, std::string> read_results(const std::string& path);

// Text from a file, fit for a terminal: no control characters, not long.
std::string printable(std::string_view text);

}  // namespace sotto::bench
