#include <cmath>
#include <cstdio>

#include "bench/results/comparison.h"

namespace sotto::bench {
namespace {

std::string number(double value) {
    char text[40];
    const bool whole = value == std::floor(value);
    std::snprintf(text, sizeof(text), whole ? "%.0f" : std::abs(value) < 10 ? "%.3f" : "%.1f", value);
    return text;
}

std::string line(const Compared& compared) {
    char interval[40] = "";
    if (compared.interval) {
        std::snprintf(interval, sizeof(interval), "%.3f .. %.3f", compared.interval->low, compared.interval->high);
    }
    char ratio[24] = "";
    if (compared.ratio) std::snprintf(ratio, sizeof(ratio), "%.3f", *compared.ratio);
    const bool told = compared.verdict == Verdict::worse || compared.verdict == Verdict::better;
    char text[400];
    std::snprintf(text, sizeof(text), "  %-56.160s %10s %10s  %-9.20s %7s  %-18s %s", printable(compared.name).c_str(),
                  number(compared.a).c_str(), number(compared.b).c_str(), printable(compared.unit).c_str(), ratio,
                  interval,
                  compared.verdict == Verdict::worse ? "WORSE"
                  : told                             ? "better"
                                                     : "");
    std::string trimmed = text;
    trimmed.erase(trimmed.find_last_not_of(' ') + 1);
    return trimmed + "\n";
}

nlohmann::json number_or_null(double value) { return std::isfinite(value) ? nlohmann::json(value) : nlohmann::json(); }

nlohmann::json describe(const Results& results) {
    const auto date = results.json.find("date");
    return {{"file", results.name},
            {"date", date == results.json.end() ? nlohmann::json() : *date},
            {"cpu", results.text("machine", "cpu")},
            {"git_revision", results.text("build", "git_revision")}};
}

}  // namespace

std::string ResultComparison::to_text(const Results& a, const Results& b) const {
    std::string text =
        "A  " + printable(a.name) + ": " + a.origin() + "\nB  " + printable(b.name) + ": " + b.origin() + "\n";
    if (!same_machine) text += "DIFFERENT MACHINES: the ratios say how they differ, not how the program changed\n";
    if (!same_build) text += "DIFFERENT BUILDS: another compiler or type of build\n";
    char heading[160];
    std::snprintf(heading, sizeof(heading), "%-58s %10s %10s  %-9s %7s  %s\n", "", "A", "B", "unit", "B / A",
                  "95 % interval");
    text += heading;
    std::string subject;
    for (const Compared& one : compared) {
        if (one.subject != subject) {
            subject = one.subject;
            text += printable(subject) + "\n";
        }
        text += line(one);
    }
    for (const std::string& name : only_a) text += "only in A: " + printable(name) + "\n";
    for (const std::string& name : only_b) text += "only in B: " + printable(name) + "\n";
    char summary[200];
    std::snprintf(
        summary, sizeof(summary),
        "%zu compared; beyond %.4g with their whole interval: %zu worse, %zu better; %zu without an interval\n",
        compared.size(), threshold, count(Verdict::worse), count(Verdict::better), count(Verdict::unknown));
    return text + summary;
}

nlohmann::json ResultComparison::to_json(const Results& a, const Results& b) const {
    nlohmann::json ratios = nlohmann::json::array();
    for (const Compared& one : compared) {
        nlohmann::json entry = {{"subject", one.subject},
                                {"name", one.name},
                                {"unit", one.unit},
                                {"a", one.a},
                                {"b", one.b},
                                {"ratio", nullptr},
                                {"low", nullptr},
                                {"high", nullptr},
                                {"verdict", to_string(one.verdict)}};
        if (one.ratio) entry["ratio"] = number_or_null(*one.ratio);
        if (one.interval) {
            entry["low"] = number_or_null(one.interval->low);
            entry["high"] = number_or_null(one.interval->high);
        }
        ratios.push_back(std::move(entry));
    }
    return {{"schema", results_schema}, {"program", "sotto-bench compare"},
            {"threshold", threshold},   {"same_machine", same_machine},
            {"same_build", same_build}, {"a", describe(a)},
            {"b", describe(b)},         {"ratios", std::move(ratios)},
            {"only_a", only_a},         {"only_b", only_b}};
}

}  // namespace sotto::bench
