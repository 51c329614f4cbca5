// sotto-bench: what the library costs beyond the primitives and codecs that it is made of, as ratios within one run; or
// one of its commands.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "bench/commands.h"
#include "bench/machine.h"
#include "bench/progress.h"
#include "bench/results/command.h"
#include "bench/results/page.h"
#include "bench/subjects.h"

namespace sotto::bench {
namespace {

struct Subject {
    const char* name;
    void (*measure)(const Run&);
    int comparisons;  // of which each takes its share of the time
};
constexpr std::array subjects{
    Subject{"srtp_path", measure_srtp_path, 3},
    Subject{"srtp_cold", measure_srtp_cold, 2},
    Subject{"epochs", measure_epochs, 1},
    Subject{"ratchet", measure_ratchet, 4},
    Subject{"peers", measure_peers, 4},
    Subject{"memory", measure_memory, 0},
    Subject{"codec", measure_codec, 4},
    Subject{"gf256", measure_gf256, 1},
    Subject{"media_peers", measure_media_peers, 4},
    Subject{"trace", measure_trace, 1},
};

struct Options {
    double seconds = 20;
    bool quick = false;
    std::vector<std::string> only;
    std::string json;
    std::string html;
};

bool chosen(const Options& options, const Subject& subject) {
    return options.only.empty() || std::ranges::find(options.only, subject.name) != options.only.end();
}

Report measure(const Options& options) {
    Progress progress;
    progress.say("making pictures");
    const Scene scene(options.quick ? 10 : 60);
    int comparisons = 0;
    for (const Subject& subject : subjects) comparisons += chosen(options, subject) ? subject.comparisons : 0;
    const auto total = std::chrono::duration<double>(options.quick ? 2.0 : options.seconds);

    Report report;
    const Run run{.scene = scene,
                  .budget = {.time = std::chrono::duration_cast<Clock::duration>(total / std::max(1, comparisons)),
                             .tick = [&] { progress.tick(); }},
                  .report = report};
    for (const Subject& subject : subjects) {
        if (!chosen(options, subject)) continue;
        progress.say(subject.name);
        subject.measure(run);
    }
    progress.done();
    return report;
}

int run(const Options& options) {
    const Machine machine = describe_machine();
    const Report report = measure(options);
    std::printf("%s\n%s", machine.to_text().c_str(), report.to_text().c_str());
    nlohmann::json json = report.to_json();
    json["seconds"] = options.quick ? 2.0 : options.seconds;
    json["quick"] = options.quick;
    return write_results(options.json, options.html, "sotto-bench", std::move(json));
}

int main(int argc, char** argv) {
    if (const auto done = results_command(argc, argv)) return *done;
    CLI::App app("Measures Sotto against the libraries it is made of", "sotto-bench");
    Options options;
    std::vector<std::string> names;
    names.reserve(std::size(subjects));
    for (const Subject& subject : subjects) names.emplace_back(subject.name);
    app.add_option("--seconds", options.seconds, "how long to measure in all, about")
        ->check(CLI::Range(0.1, 86400.0))
        ->capture_default_str();
    app.add_flag("--quick", options.quick, "two seconds in all: shows that it runs, the figures say little");
    app.add_option("--only", options.only, "measure only this subject; may be repeated")->check(CLI::IsMember(names));
    app.add_option("--json", options.json, "also write everything to this file");
    app.add_option("--html", options.html, "also write a page with plots to this file");
    app.footer(
        "sotto-bench compare --help: two such files beside each other; sotto-bench html --help: a page of one.\n"
        "sotto-micro --help, by ./dev bench micro: single pieces of work, by Google Benchmark.");
    app.require_subcommand(0, 1);
    const std::array commands{latency_command(app), capacity_command(app)};
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : exit_unusable;
    }
    for (const Command& command : commands) {
        if (command.words->parsed()) return command.run();
    }
    return run(options);
}

}  // namespace
}  // namespace sotto::bench

int main(int argc, char** argv) {
    try {
        return sotto::bench::main(argc, argv);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "\nsotto-bench: %s\n", error.what());
        return sotto::bench::exit_failed;
    }
}
