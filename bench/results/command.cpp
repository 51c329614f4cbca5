#include "bench/results/command.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string_view>

#include "bench/results/page.h"

namespace sotto::bench {
namespace {

constexpr int exit_worse = 1;
constexpr int exit_failed = 1;
constexpr int exit_unusable = 2;
constexpr auto replaced = nlohmann::json::error_handler_t::replace;  // a file's name need not be UTF-8

std::optional<Results> read(const std::string& path) {
    auto results = read_results(path);
    if (results) return std::move(*results);
    std::fprintf(stderr, "sotto-bench: %s\n", results.error().c_str());
    return std::nullopt;
}

struct CompareOptions {
    std::string a, b, json, html;
    double threshold = 1.05;
};

int run_compare(const CompareOptions& options) {
    const auto a = read(options.a);
    const auto b = read(options.b);
    if (!a || !b) return exit_unusable;
    const ResultComparison comparison = compare(*a, *b, options.threshold);
    if (comparison.compared.empty()) {
        std::fprintf(stderr, "sotto-bench: the files have no figure in common\n");
        return exit_unusable;
    }
    std::printf("%s", comparison.to_text(*a, *b).c_str());
    if (!options.json.empty())
        write_file(options.json, comparison.to_json(*a, *b).dump(2, ' ', false, replaced) + "\n");
    if (!options.html.empty()) write_file(options.html, results_page(*a, *b, comparison));
    return comparison.count(Verdict::worse) > 0 ? exit_worse : 0;
}

int run_html(const std::string& path, std::string out) {
    const auto results = read(path);
    if (!results) return exit_unusable;
    if (out.empty()) out = path.substr(0, path.ends_with(".json") ? path.size() - 5 : path.size()) + ".html";
    write_file(out, results_page(*results));
    std::printf("%s\n", printable(out).c_str());
    return 0;
}

int parse_and_run(int argc, char** argv) {
    CLI::App app("Reads results that sotto-bench wrote with --json", "sotto-bench");
    app.require_subcommand(1);
    CompareOptions options;
    CLI::App* const comparing =
        app.add_subcommand("compare", "Ratios B / A with 95 % bootstrap intervals; exits 1 if one is worse");
    comparing->add_option("A", options.a, "results before")->required();
    comparing->add_option("B", options.b, "results after")->required();
    comparing->add_option("--threshold", options.threshold, "a ratio is worse when its whole interval lies above this")
        ->check(CLI::Range(1.0, 100.0))
        ->capture_default_str();
    comparing->add_option("--json", options.json, "also write the ratios to this file");
    comparing->add_option("--html", options.html, "also write a page to this file");
    std::string results, out;
    CLI::App* const page = app.add_subcommand("html", "One HTML page of one file, with all it needs inside");
    page->add_option("RUN", results, "results")->required();
    page->add_option("-o,--output", out, "the page (default: RUN with .html)");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : exit_unusable;
    }
    try {
        return comparing->parsed() ? run_compare(options) : run_html(results, out);
    } catch (const std::runtime_error& error) {
        std::fprintf(stderr, "sotto-bench: %s\n", error.what());
        return exit_failed;
    }
}

}  // namespace

std::optional<int> results_command(int argc, char** argv) {
    if (argc < 2) return std::nullopt;
    const std::string_view name = argv[1];
    if (name != "compare" && name != "html") return std::nullopt;
    return parse_and_run(argc, argv);
}

}  // namespace sotto::bench
