#include "bench/report.h"

#include <cstdio>
#include <nlohmann/json.hpp>

namespace sotto::bench {
namespace {

std::string number(double value) {
    char text[32];
    const bool whole = value == std::floor(value);
    std::snprintf(text, sizeof(text), whole ? "%.0f" : std::abs(value) < 10 ? "%.3f" : "%.1f", value);
    return text;
}

std::string line(const Figure& figure) {
    const bool counted = figure.value.samples == 1;
    const std::string goal = figure.at_most ? "<= " + number(*figure.at_most) : "";
    const char* const verdict = !figure.at_most ? "" : figure.met() ? "met" : "MISSED";
    char text[200];
    std::snprintf(text, sizeof(text), "  %-56s %9s %9s %9s  %-9s %-9s %s", figure.name.c_str(),
                  number(figure.value.median).c_str(), counted ? "" : number(figure.value.p10).c_str(),
                  counted ? "" : number(figure.value.p90).c_str(), figure.unit.c_str(), goal.c_str(), verdict);
    std::string trimmed = text;
    trimmed.erase(trimmed.find_last_not_of(' ') + 1);
    return trimmed + "\n";
}

}  // namespace

void Report::add(const std::string& subject, const std::string& measured, const std::string& baseline,
                 const Comparison& comparison, std::optional<double> ratio_at_most,
                 std::optional<double> measured_at_most) {
    add({.subject = subject,
         .name = measured,
         .unit = "us",
         .value = comparison.measured,
         .at_most = measured_at_most});
    add({.subject = subject, .name = "baseline: " + baseline, .unit = "us", .value = comparison.baseline});
    add({.subject = subject,
         .name = measured + " / baseline",
         .unit = "ratio",
         .value = comparison.ratio,
         .at_most = ratio_at_most});
}

std::string Report::to_text() const {
    char heading[120];
    std::snprintf(heading, sizeof(heading), "%-58s %9s %9s %9s  %-9s %s\n", "", "median", "p10", "p90", "unit", "goal");
    std::string text = heading;
    std::string subject;
    for (const Figure& figure : figures_) {
        if (figure.subject != subject) {
            subject = figure.subject;
            text += subject + "\n";
            for (const Note& note : notes_) {
                if (note.subject == subject) text += "  (" + note.text + ")\n";
            }
        }
        text += line(figure);
    }
    // Subjects of which there is no figure, only the reason.
    for (const Note& note : notes_) {
        if (std::ranges::find(figures_, note.subject, &Figure::subject) != figures_.end()) continue;
        if (note.subject != subject) text += note.subject + "\n";
        subject = note.subject;
        text += "  (" + note.text + ")\n";
    }
    return text;
}

nlohmann::json Report::to_json() const {
    nlohmann::json figures = nlohmann::json::array();
    for (const Figure& figure : figures_) {
        nlohmann::json entry = {{"subject", figure.subject},       {"name", figure.name},     {"unit", figure.unit},
                                {"median", figure.value.median},   {"p10", figure.value.p10}, {"p90", figure.value.p90},
                                {"samples", figure.value.samples}, {"at_most", nullptr},      {"met", nullptr}};
        if (figure.at_most) {
            entry["at_most"] = *figure.at_most;
            entry["met"] = figure.met();
        }
        if (!figure.value.rounds.empty()) entry["rounds"] = figure.value.rounds;
        figures.push_back(std::move(entry));
    }
    nlohmann::json notes = nlohmann::json::array();
    for (const Note& note : notes_) notes.push_back({{"subject", note.subject}, {"text", note.text}});
    return {{"figures", std::move(figures)}, {"notes", std::move(notes)}};
}

}  // namespace sotto::bench
