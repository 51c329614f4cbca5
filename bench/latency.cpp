// sotto-bench latency: the way of each frame through a call, stage by stage.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "bench/commands.h"
#include "bench/latency_report.h"
#include "bench/machine.h"
#include "bench/progress.h"

namespace sotto::bench {
namespace {

struct Options {
    std::vector<std::string> sizes;
    std::vector<int> block_ms;
    std::vector<std::string> paths;
    std::vector<std::string> links;
    int fps = 30;
    int kbps = 0;
    std::size_t frames = 300;
    double warm_up = 3;
    std::string video = "test", audio = "test", json, html;
};

// "640x360": even, 16 to 4096.
std::optional<std::pair<int, int>> parse_size(const std::string& text) {
    int width = 0, height = 0, end = 0;
    if (std::sscanf(text.c_str(), "%4dx%4d%n", &width, &height, &end) != 2) return {};
    if (static_cast<std::size_t>(end) != text.size()) return {};
    const auto fits = [](int side) { return side >= 16 && side <= 4096 && side % 2 == 0; };
    return fits(width) && fits(height) ? std::optional(std::pair(width, height)) : std::nullopt;
}

// 800 kbit/s for 640x360 at 30 frames a second. Larger pictures need fewer bits a sample.
int bitrate_of(const Options& options, int width, int height) {
    if (options.kbps > 0) return options.kbps * 1000;
    const double share = std::pow(static_cast<double>(width) * height / (640 * 360), 0.75) * options.fps / 30;
    return std::clamp(static_cast<int>(800'000 * share), 200'000, 20'000'000);
}

std::vector<LatencyPlan> plans_of(const Options& options) {
    const auto warm_up = Duration(static_cast<std::int64_t>(options.warm_up * 1e9));
    const bool neither = options.sizes.empty() && options.block_ms.empty();
    std::vector<LatencyPlan> plans;
    for (const std::string& size : neither ? std::vector<std::string>{"640x360"} : options.sizes) {
        const auto [width, height] = *parse_size(size);
        plans.push_back({.medium = Medium::video,
                         .width = width,
                         .height = height,
                         .fps = static_cast<double>(options.fps),
                         .bitrate = bitrate_of(options, width, height),
                         .frames = options.frames,
                         .warm_up = warm_up});
    }
    for (const int block : neither ? std::vector<int>{10} : options.block_ms) {
        plans.push_back({.medium = Medium::audio,
                         .block_ms = block,
                         .fps = 1000.0 / block,
                         .frames = options.frames,
                         .warm_up = warm_up});
    }
    return plans;
}

std::function<std::unique_ptr<Path>(Instant)> maker_of(const LatencyEntry& entry) {
    if (entry.path == "process") return [](Instant) { return process_path(); };
    if (entry.path == "loopback") {
        return [](Instant) {
            auto path = loopback_path();
            if (!path) throw std::runtime_error(path.error());
            return std::move(*path);
        };
    }
    return [plan = *parse_link(entry.link)](Instant start) { return link_path(plan, start); };
}

void measure(LatencyEntry& entry, const Options& options, Progress& progress) {
    progress.say(run_name(entry));
    std::optional<PictureLoop> pictures;
    std::optional<SoundLoop> sound;
    const auto checked = [](auto loaded) {
        if (!loaded) throw std::runtime_error(loaded.error());
        return std::move(*loaded);
    };
    if (entry.plan.medium == Medium::video) {
        pictures = checked(PictureLoop::load(options.video, entry.plan.width, entry.plan.height, options.fps));
    } else {
        sound = checked(SoundLoop::load(options.audio));
    }
    entry.result = run_latency(entry.plan, maker_of(entry), pictures ? &*pictures : nullptr, sound ? &*sound : nullptr,
                               [&](double done) { progress.tick(done); });
}

int run(const Options& options) {
    if (!traces_frames()) {
        std::fprintf(stderr, "sotto-bench: this library was built without traces (SOTTO_TRACE=OFF)\n");
        return exit_failed;
    }
    std::printf("%s\n", describe_machine().to_text().c_str());
    std::vector<std::pair<std::string, std::string>> paths;  // and the words of links
    for (const std::string& path : options.paths) paths.emplace_back(path, "");
    for (const std::string& link : options.links) paths.emplace_back("link", link);
    if (paths.empty()) paths.emplace_back("process", "");
    nlohmann::json runs = nlohmann::json::array();
    Progress progress;
    for (const LatencyPlan& plan : plans_of(options)) {
        for (const auto& [path, link] : paths) {
            LatencyEntry entry{.plan = plan, .path = path, .link = link, .result = {}};
            measure(entry, options, progress);
            progress.done();
            std::printf("%s", to_text(entry).c_str());
            std::fflush(stdout);
            runs.push_back(to_json(entry));
        }
    }
    return write_results(options.json, options.html, "sotto-bench latency", {{"runs", std::move(runs)}});
}

}  // namespace

Command latency_command(CLI::App& app) {
    auto options = std::make_shared<Options>();
    CLI::App* const words = app.add_subcommand("latency", "The way of each frame through a call, stage by stage");
    const CLI::Validator size([](const std::string& text) { return parse_size(text) ? "" : "no even WIDTHxHEIGHT"; },
                              "WxH");
    const CLI::Validator link(
        [](const std::string& text) {
            const auto plan = parse_link(text);
            return plan ? std::string() : plan.error();
        },
        "WORDS");
    words->add_option("--size", options->sizes, "pictures of this size (16 to 4096, even); may be repeated")
        ->check(size);
    words->add_option("--block-ms", options->block_ms, "sound in blocks of 10 or 20 ms; may be repeated")
        ->check(CLI::IsMember({10, 20}));
    words->add_option("--fps", options->fps, "pictures a second")->check(CLI::Range(1, 120))->capture_default_str();
    words->add_option("--kbps", options->kbps, "of pictures at most; otherwise by their size")
        ->check(CLI::Range(50, 50000));
    words->add_option("--frames", options->frames, "that are measured")
        ->check(CLI::Range(std::size_t{1}, std::size_t{10'000'000}))
        ->capture_default_str();
    words->add_option("--warm-up", options->warm_up, "seconds before they are")
        ->check(CLI::Range(0.0, 600.0))
        ->capture_default_str();
    words->add_option("--video", options->video, "test, or a Y4M file")->capture_default_str();
    words->add_option("--audio", options->audio, "test, or a WAV file (16 bits, 48 kHz)")->capture_default_str();
    words->add_option("--path", options->paths, "process (both ends in memory) or loopback (UDP); may be repeated")
        ->check(CLI::IsMember({"process", "loopback"}));
    words
        ->add_option("--link", options->links,
                     "an emulated link in linkem's words, such as \"delay_ms=50 loss=0.02\"; may be repeated")
        ->check(link);
    words->add_option("--json", options->json, "also write everything to this file");
    words->add_option("--html", options->html, "also write a page with plots to this file");
    return {.words = words, .run = [options] { return run(*options); }};
}

}  // namespace sotto::bench
