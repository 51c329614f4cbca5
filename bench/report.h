// The figures of one run, as a table for people and as JSON for programs.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "bench/measure.h"

namespace sotto::bench {

struct Figure {
    std::string subject;  // the file of bench/ that took it
    std::string name;
    std::string unit;  // "us", "ratio", "KiB", or what is counted
    Spread value;
    std::optional<double> at_most{};  // the goal for the median

    bool met() const { return !at_most || value.median <= *at_most; }
};

class Report {
  public:
    void add(Figure figure) { figures_.push_back(std::move(figure)); }
    // Three figures: what was measured, its baseline, and their ratio with its goal.
    void add(const std::string& subject, const std::string& measured, const std::string& baseline,
             const Comparison& comparison, std::optional<double> ratio_at_most = {},
             std::optional<double> measured_at_most = {});
    // A remark that belongs under a subject's figures.
    void note(const std::string& subject, const std::string& text) { notes_.push_back({subject, text}); }

    std::string to_text() const;
    // {"figures":[{"subject","name","unit","median","p10","p90","samples","at_most","met","rounds":[...]}],"notes":[...]};
    // "at_most" and "met" are null where a figure has no goal; what was counted has no "rounds".
    nlohmann::json to_json() const;

  private:
    struct Note {
        std::string subject;
        std::string text;
    };
    std::vector<Figure> figures_;
    std::vector<Note> notes_;
};

}  // namespace sotto::bench
