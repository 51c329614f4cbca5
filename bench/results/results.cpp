#include "bench/results/results.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <stdexcept>
#include <utility>

namespace sotto::bench {
namespace {

using nlohmann::json;

constexpr std::size_t max_file = std::size_t{64} << 20;  // bytes
constexpr int max_depth = 32;                            // results need six
constexpr double max_number = 1e15;

[[noreturn]] void refuse(const std::string& where, const char* why) {
    throw std::runtime_error(printable(where) + ": " + why);
}

// The JSON writer recurses: what nests deeper than any result is refused before it is parsed.
bool too_deep(std::string_view text) {
    int depth = 0;
    bool quoted = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (quoted) {
            if (c == '\\') ++i;
            if (c == '"') quoted = false;
        } else if (c == '"') {
            quoted = true;
        } else if (c == '[' || c == '{') {
            if (++depth > max_depth) return true;
        } else if (c == ']' || c == '}') {
            --depth;
        }
    }
    return false;
}

// A value in the file and the way to it.
struct Node {
    const json& value;
    std::string where;

    const json* find(const char* key) const {
        if (!value.is_object()) refuse(where, "is not an object");
        const auto found = value.find(key);
        return found == value.end() || found->is_null() ? nullptr : &*found;
    }
    Node at(const char* key) const {
        const json* const found = find(key);
        std::string path = where.empty() ? key : where + "." + key;
        if (found == nullptr) refuse(path, "is missing");
        return {*found, std::move(path)};
    }
    std::vector<Node> items() const {
        if (!value.is_array()) refuse(where, "is not a list");
        std::vector<Node> nodes;
        for (std::size_t i = 0; i < value.size(); ++i)
            nodes.push_back({value[i], where + "[" + std::to_string(i) + "]"});
        return nodes;
    }
    double number() const {
        const double read = value.is_number() ? value.get<double>() : NAN;
        if (!(std::abs(read) <= max_number)) refuse(where, "is not a number that can be");
        return read;
    }
    std::string text() const {
        if (!value.is_string() || value.get_ref<const std::string&>().empty()) refuse(where, "is not a text");
        return value.get<std::string>();
    }
};

std::vector<double> sorted(std::vector<double> values) {
    std::ranges::sort(values);
    return values;
}

Measure read_figure(const Node& figure) {
    Measure measure{.subject = figure.at("subject").text(),
                    .name = figure.at("name").text(),
                    .unit = figure.at("unit").text(),
                    .value = figure.at("median").number()};
    for (const char* const optional : {"p10", "p90", "at_most"}) {
        if (figure.find(optional) != nullptr) figure.at(optional).number();
    }
    measure.counted = figure.at("samples").number() == 1;
    if (figure.find("rounds") == nullptr) return measure;
    for (const Node& round : figure.at("rounds").items()) measure.samples.push_back(round.number());
    measure.samples = sorted(std::move(measure.samples));
    return measure;
}

constexpr std::array<std::pair<const char*, double>, 3> compared_percentiles{
    {{"p50", 0.5}, {"p95", 0.95}, {"p99", 0.99}}};

void check_percentiles(const Node& percentiles) {
    for (const char* const key : {"p50", "p90", "p95", "p99", "p99_9", "max"}) percentiles.at(key).number();
}

void add_percentiles(std::vector<Measure>& measures, const std::string& run, const std::string& stage,
                     const Node& percentiles, const std::vector<double>& samples) {
    check_percentiles(percentiles);
    for (const auto& [key, share] : compared_percentiles) {
        measures.push_back({.subject = run,
                            .name = stage + " " + key,
                            .unit = "us",
                            .value = percentiles.at(key).number(),
                            .share = share,
                            .samples = samples});
    }
}

// Of each column but the time's, what its frames have; a stage that a frame did not pass is null.
std::vector<std::vector<double>> read_samples(const Node& run, std::size_t stages) {
    std::vector<std::vector<double>> columns(1 + stages);
    if (run.find("samples") == nullptr) return columns;
    for (const Node& row : run.at("samples").items()) {
        const std::vector<Node> cells = row.items();
        if (cells.size() != 2 + stages) refuse(row.where, "does not have a time, a total and each stage");
        cells[0].number();
        for (std::size_t i = 0; i < columns.size(); ++i) {
            if (!cells[1 + i].value.is_null()) columns[i].push_back(cells[1 + i].number());
        }
    }
    for (std::vector<double>& column : columns) column = sorted(std::move(column));
    return columns;
}

// Ascending; none where the list is not there.
std::vector<double> read_numbers(const Node& run, const char* key) {
    std::vector<double> numbers;
    if (run.find(key) == nullptr) return numbers;
    for (const Node& number : run.at(key).items()) numbers.push_back(number.number());
    return sorted(std::move(numbers));
}

void read_run(const Node& run, std::vector<Measure>& measures) {
    const std::string name = run.at("name").text();
    const std::vector<Node> stages = run.at("stages").items();
    const std::vector<std::vector<double>> columns = read_samples(run, stages.size());
    add_percentiles(measures, name, "total", run.at("total_us"), columns[0]);
    for (const auto& [key, samples, said] : {std::array{"own_us", "own_samples", "own share"},
                                             std::array{"srtp_us", "srtp_samples", "libsrtp2's share"}}) {
        if (run.find(key) != nullptr) add_percentiles(measures, name, said, run.at(key), read_numbers(run, samples));
    }
    for (std::size_t i = 0; i < stages.size(); ++i) {
        add_percentiles(measures, name, stages[i].at("name").text(), stages[i].at("us"), columns[1 + i]);
    }
    const auto add = [&](const char* key, const char* said, const char* unit, bool counted) {
        if (run.find(key) == nullptr) return;
        measures.push_back(
            {.subject = name, .name = said, .unit = unit, .value = run.at(key).number(), .counted = counted});
    };
    add("allocations_per_frame", "allocations", "a frame", true);
    add("cpu_us_per_frame", "processor time", "us", false);
    add("peak_rss_kib", "peak memory", "KiB", false);
    add("dropped", "frames dropped", "frames", false);
}

// Baselines of one subject may share a name: the second becomes "... (2)".
void tell_apart(std::vector<Measure>& measures) {
    std::map<std::pair<std::string, std::string>, int> seen;
    for (Measure& measure : measures) {
        const int count = ++seen[{measure.subject, measure.name}];
        if (count > 1) measure.name += " (" + std::to_string(count) + ")";
    }
}

std::vector<Measure> read_measures(const json& file) {
    const Node root{file, ""};
    if (!file.is_object()) refuse("the file", "is not an object");
    if (root.at("schema").number() != results_schema)
        refuse("schema", "is not 2: another version of sotto-bench wrote this");
    std::vector<Measure> measures;
    const bool figures = root.find("figures") != nullptr;
    const bool runs = root.find("runs") != nullptr;
    if (!figures && !runs) refuse("the file", "has neither figures nor runs");
    if (figures) {
        for (const Node& figure : root.at("figures").items()) measures.push_back(read_figure(figure));
    }
    if (runs) {
        for (const Node& run : root.at("runs").items()) read_run(run, measures);
    }
    tell_apart(measures);
    return measures;
}

}  // namespace

std::expected<Results, std::string> parse_results(std::string_view text, std::string name) {
    if (text.size() > max_file) return std::unexpected("too large to be a result");
    if (too_deep(text)) return std::unexpected("nests too deep to be a result");
    json file = json::parse(text, nullptr, false);
    if (file.is_discarded()) return std::unexpected("not JSON");
    try {
        std::vector<Measure> measures = read_measures(file);
        return Results{.name = std::move(name), .json = std::move(file), .measures = std::move(measures)};
    } catch (const std::runtime_error& refused) {
        return std::unexpected(refused.what());
    }
}

std::expected<Results, std::string> read_results(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::string text;
    std::array<char, 65536> part;
    while (file && text.size() <= max_file) {
        file.read(part.data(), part.size());
        text.append(part.data(), static_cast<std::size_t>(file.gcount()));
    }
    if (file.bad() || !file.eof()) {
        if (text.size() <= max_file) return std::unexpected(printable(path) + ": cannot be read");
    }
    auto parsed = parse_results(text, std::filesystem::path(path).filename().string());
    if (!parsed) return std::unexpected(printable(path) + ": " + parsed.error());
    return parsed;
}

std::string Results::text(const char* group, const char* key) const {
    const auto inner = json.find(group);
    if (inner == json.end() || !inner->is_object()) return {};
    const auto found = inner->find(key);
    return found != inner->end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::string Results::origin() const {
    std::string line;
    const auto date = json.find("date");
    if (date != json.end() && date->is_string()) line = printable(date->get<std::string>());
    for (const std::string& part : {text("machine", "cpu"), text("build", "type"), text("build", "git_revision")}) {
        if (!part.empty()) line += (line.empty() ? "" : ", ") + printable(part);
    }
    return line;
}

std::string printable(std::string_view text) {
    constexpr std::size_t longest = 160;
    std::string safe(text.substr(0, longest));
    // Where a character of several bytes was cut, what is left of it goes too.
    while (text.size() > longest && !safe.empty() && (safe.back() & 0x80) != 0) safe.pop_back();
    for (char& c : safe) {
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
    }
    return safe;
}

}  // namespace sotto::bench
