#include "bench/latency_report.h"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "bench/percentiles.h"

namespace sotto::bench {
namespace {

constexpr std::size_t most_samples = 2000;

// What a step's time is: the codecs', a wait for the pacer, the network, a frame's turn or its sound, or ours.
const char* kind(Stage stage) {
    switch (stage) {
        case Stage::encoded:
        case Stage::decoded: return "codec";
        case Stage::paced:
        case Stage::received:
        case Stage::dequeued: return "wait";
        default: return "own";
    }
}

struct Step {
    Stage stage{};
    std::vector<double> times;  // of the frames that passed it
};

std::vector<Step> steps_of(const LatencyResult& result) {
    std::vector<Step> steps;
    for (std::size_t i = 1; i < stage_count; ++i) {
        Step step{.stage = static_cast<Stage>(i), .times = {}};
        for (const LatencySample& sample : result.samples) {
            if (sample.steps[i]) step.times.push_back(*sample.steps[i]);
        }
        if (!step.times.empty()) steps.push_back(std::move(step));
    }
    return steps;
}

std::vector<double> all(const LatencyResult& result, double LatencySample::* member) {
    std::vector<double> values;
    for (const LatencySample& sample : result.samples) values.push_back(sample.*member);
    return values;
}

// Those that say what frames of the plan's size cost: the others only where there are no such.
LatencyResult of_whole_size(const LatencyResult& result) {
    LatencyResult whole = result;
    std::erase_if(whole.samples, [](const LatencySample& sample) { return !sample.whole_size; });
    return whole.samples.empty() ? result : whole;
}

std::vector<double> all(const LatencyResult& result, std::size_t part) {
    std::vector<double> values;
    for (const LatencySample& sample : result.samples) values.push_back(sample.parts[part]);
    return values;
}

// Of the median, for pictures of one rate: microseconds.
std::optional<double> own_at_most(const LatencyPlan& plan) {
    if (plan.medium == Medium::audio) return std::nullopt;
    const int pixels = plan.width * plan.height;
    if (pixels <= 640 * 360) return 25;
    if (pixels <= 1280 * 720) return 60;
    return std::nullopt;
}

constexpr double tail_at_most = 4;  // of sound: p99.9 of our share, as a multiple of its median

std::string size_of(const LatencyPlan& plan) {
    return plan.medium == Medium::audio ? "" : std::to_string(plan.width) + "x" + std::to_string(plan.height);
}

std::string line(const std::string& name, const Percentiles& p, const std::string& remark) {
    char text[160];
    std::snprintf(text, sizeof(text), "  %-14s %9.1f %9.1f %9.1f %9.1f %9.1f %9.1f  %s", name.c_str(), p.p50, p.p90,
                  p.p95, p.p99, p.p99_9, p.max, remark.c_str());
    std::string trimmed = text;
    trimmed.erase(trimmed.find_last_not_of(' ') + 1);
    return trimmed + "\n";
}

// As evenly chosen of all frames as rows are.
template <class Row>
nlohmann::json chosen(const LatencyResult& result, Row&& row) {
    nlohmann::json rows = nlohmann::json::array();
    const std::size_t count = std::min(result.samples.size(), most_samples);
    for (std::size_t i = 0; i < count; ++i) rows.push_back(row(result.samples[i * result.samples.size() / count]));
    return rows;
}

std::size_t dropped(const LatencyResult& result) {
    return result.frames - std::min(result.frames, result.samples.size());
}

nlohmann::json series(const LatencyResult& result, const std::vector<Step>& steps) {
    return chosen(result, [&](const LatencySample& sample) {
        nlohmann::json row{sample.at, sample.total};
        for (const Step& step : steps) {
            row.push_back(sample.steps[static_cast<std::size_t>(step.stage)].value_or(0));
        }
        return row;
    });
}

}  // namespace

std::string run_name(const LatencyEntry& entry) {
    const LatencyPlan& plan = entry.plan;
    const std::string what = plan.medium == Medium::audio
                                 ? "audio " + std::to_string(plan.block_ms) + "ms"
                                 : "video " + size_of(plan) + " " + std::to_string(static_cast<int>(plan.fps)) + "fps";
    return what + " " + entry.path + (entry.link.empty() ? "" : " " + entry.link);
}

std::string to_text(const LatencyEntry& entry) {
    const LatencyResult& result = entry.result;
    char about[240];
    std::snprintf(about, sizeof(about),
                  "  (%zu frames, %zu dropped; a frame: %.0f us of processor time, %.1f us of reports, repair and "
                  "waking, %.2f own allocations, %.1f in libraries; "
                  "peak %zu KiB)\n",
                  result.frames, dropped(result), result.cpu, result.other, result.own_allocations,
                  result.foreign_allocations, result.peak_rss);
    std::string text = run_name(entry) + "\n" + about;
    if (entry.plan.medium == Medium::video && result.shown_width != entry.plan.width) {
        text += "  (the last picture had " + std::to_string(result.shown_width) + "x" +
                std::to_string(result.shown_height) + ": the path's rate, or the device, allowed no more)\n";
    }
    char heading[120];
    std::snprintf(heading, sizeof(heading), "  %-14s %9s %9s %9s %9s %9s %9s\n", "us", "p50", "p90", "p95", "p99",
                  "p99.9", "max");
    text += heading;
    for (const Step& step : steps_of(result)) {
        text += line(std::string(step_name(step.stage)), percentiles(step.times), kind(step.stage));
    }
    const LatencyResult whole = of_whole_size(result);
    if (const std::size_t smaller = result.samples.size() - whole.samples.size(); smaller > 0) {
        text += "  (" + std::to_string(smaller) + " of them were smaller: our share is of the others)\n";
    }
    const Percentiles own = percentiles(all(whole, &LatencySample::own));
    const auto goal = own_at_most(entry.plan);
    char verdict[40] = "";
    if (goal) std::snprintf(verdict, sizeof(verdict), "<= %.0f %s", *goal, own.p50 <= *goal ? "met" : "MISSED");
    if (entry.plan.medium == Medium::audio) {
        std::snprintf(verdict, sizeof(verdict), "p99.9 <= %.0f x p50 %s", tail_at_most,
                      own.p99_9 <= tail_at_most * own.p50 ? "met" : "MISSED");
    }
    text += line("our share", own, verdict);
    for (std::size_t i = 0; i < part_names.size(); ++i) {
        text += line(std::string("- ") + part_names[i], percentiles(all(whole, i)), "");
    }
    const Percentiles srtp = percentiles(all(whole, &LatencySample::srtp));
    char share[60] = "";
    if (srtp.p50 > 0) std::snprintf(share, sizeof(share), "our share is %.2f times that", own.p50 / srtp.p50);
    text += line("of it libsrtp2", srtp, share);
    text += line("total", percentiles(all(result, &LatencySample::total)), "");
    return text;
}

nlohmann::json to_json(const LatencyEntry& entry) {
    const LatencyResult& result = entry.result;
    const std::vector<Step> steps = steps_of(result);
    nlohmann::json stages = nlohmann::json::array();
    for (const Step& step : steps) {
        stages.push_back({{"name", step_name(step.stage)},
                          {"kind", kind(step.stage)},
                          {"frames", step.times.size()},
                          {"us", percentiles(step.times)}});
    }
    const LatencyResult whole = of_whole_size(result);
    const Percentiles own = percentiles(all(whole, &LatencySample::own));
    nlohmann::json parts;
    for (std::size_t i = 0; i < part_names.size(); ++i) parts[part_names[i]] = percentiles(all(whole, i));
    nlohmann::json json{{"name", run_name(entry)},
                        {"medium", entry.plan.medium == Medium::audio ? "audio" : "video"},
                        {"size", size_of(entry.plan)},
                        {"fps", entry.plan.fps},
                        {"path", entry.path},
                        {"link", entry.link},
                        {"frames", result.frames},
                        {"dropped", dropped(result)},
                        {"cpu_us_per_frame", result.cpu},
                        {"peak_rss_kib", result.peak_rss},
                        {"allocations_per_frame", result.own_allocations},
                        {"library_allocations_per_frame", result.foreign_allocations},
                        {"own_us", own},
                        {"own_us_at_most", nullptr},
                        {"own_samples", chosen(whole, [](const LatencySample& sample) { return sample.own; })},
                        {"own_parts_us", std::move(parts)},
                        {"smaller_frames", result.samples.size() - whole.samples.size()},
                        {"srtp_us", percentiles(all(whole, &LatencySample::srtp))},
                        {"srtp_samples", chosen(whole, [](const LatencySample& sample) { return sample.srtp; })},
                        {"other_us_per_frame", result.other},
                        {"total_us", percentiles(all(result, &LatencySample::total))},
                        {"stages", std::move(stages)},
                        {"samples", series(result, steps)}};
    if (const auto goal = own_at_most(entry.plan)) json["own_us_at_most"] = *goal;
    if (entry.plan.medium == Medium::video) {
        json["shown_size"] = std::to_string(result.shown_width) + "x" + std::to_string(result.shown_height);
    } else {
        json["block_ms"] = entry.plan.block_ms;
        json["own_p99_9_at_most"] = tail_at_most * own.p50;
    }
    return json;
}

}  // namespace sotto::bench
