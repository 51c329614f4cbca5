// sotto-bench capacity: how many calls one core carries.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "bench/allocations.h"
#include "bench/capacity_fleet.h"
#include "bench/commands.h"
#include "bench/machine.h"
#include "bench/percentiles.h"
#include "bench/progress.h"
#include "bench/report.h"

namespace sotto::bench {
namespace {

using namespace std::chrono_literals;

constexpr double share_of_codecs_at_least = 0.9;
constexpr std::size_t most_tries = 5;

struct Options {
    std::vector<std::string> media{};
    std::vector<std::size_t> calls{};
    std::vector<double> losses{};
    int rounds = 2;
    bool quick = false;
    std::string json;
};

struct Kind {
    std::string name;
    FleetPlan plan;
    std::size_t at_least;  // calls, the goal on a machine like that of bench/README.md
    Duration warm_up;
};
const std::vector<Kind>& kinds() {
    static const std::vector<Kind> all{
        {"audio20", {.medium = Medium::audio, .block_ms = 20}, 300, 1s},
        {"audio10", {.medium = Medium::audio, .block_ms = 10}, 300, 1s},
        {"video360", {.medium = Medium::video}, 20, 3s},
    };
    return all;
}

// So many calls for some seconds of virtual time, in turns with bare codecs.
struct Point {
    std::size_t calls = 0;
    double loss = 0;
    Spread cost{}, bare_cost{};  // microseconds of the core for a second of one call
    Spread share{};              // of the calls that bare codecs would allow: bare cost by cost
    Percentiles response{};      // of a frame's processing, microseconds
    double shown = 0;            // of the frames sent
    double memory = 0;           // bytes of one call by its own count
    double memory_all = 0;       // bytes that making the calls took, of one, with codecs and account; 0 if not known
    double kbps = 0, bare_kbps = 0;  // sent, with headers; encoded
    bool full_size = true;

    bool carries(Duration interval) const { return response.p99 * 1000 <= static_cast<double>(interval.count()); }
};

struct Measured {
    const Kind* kind = nullptr;
    std::vector<Point> growth;  // with calls
    std::vector<Point> losses;  // with loss
    std::optional<Point> most;  // the most calls that were carried
    std::optional<std::size_t> too_many;
};

class Measurement {
  public:
    Measurement(const Kind& kind, const Options& options, Progress& progress)
        : kind_(kind),
          options_(options),
          progress_(progress),
          pictures_(*PictureLoop::load("test", kind.plan.width, kind.plan.height, kind.plan.fps)),
          sound_(*SoundLoop::load("test")) {}

    Measured run() {
        Measured measured{.kind = &kind_, .growth = {}, .losses = {}, .most = {}, .too_many = {}};
        if (!options_.calls.empty()) {
            for (const std::size_t calls : options_.calls) note(measured, measure(calls, 0));
        } else {
            search(measured);
        }
        const std::size_t some = measured.growth.front().calls;
        for (const double loss : options_.losses) measured.losses.push_back(measure(some, loss));
        return measured;
    }

  private:
    // From what one call costs to how many there may be: half of that, all of it, and towards the most.
    void search(Measured& measured) {
        note(measured, measure(2, 0));
        const auto estimate = [&] { return 1e6 / measured.growth.back().cost.median; };
        for (const double share : {0.1, 0.5}) note(measured, measure(even(share * estimate()), 0));
        std::size_t calls = even(estimate());
        for (std::size_t i = 0; i < most_tries && !tried(measured, calls); ++i) {
            note(measured, measure(calls, 0));
            const std::size_t least = measured.most ? measured.most->calls : 0;
            if (!measured.too_many) {
                calls = even(static_cast<double>(least) * 1.06 + 2);
            } else {
                calls = even(std::max(static_cast<double>(*measured.too_many) * 0.92,
                                      static_cast<double>(least + *measured.too_many) / 2));
            }
        }
    }
    static std::size_t even(double calls) { return std::max<std::size_t>(2, static_cast<std::size_t>(calls) / 2 * 2); }
    static bool tried(const Measured& measured, std::size_t calls) {
        return std::ranges::find(measured.growth, calls, &Point::calls) != measured.growth.end();
    }
    void note(Measured& measured, const Point& point) {
        measured.growth.push_back(point);
        if (!point.carries(kind_.plan.interval())) {
            measured.too_many = std::min(measured.too_many.value_or(point.calls), point.calls);
        } else if (!measured.most || point.calls > measured.most->calls) {
            measured.most = point;
        }
    }

    Point measure(std::size_t calls, double loss) {
        progress_.say(kind_.name + ", " + std::to_string(calls) + " calls");
        FleetPlan plan = kind_.plan;
        plan.calls = calls;
        plan.loss = loss;
        std::optional<CallFleet> fleet;
        const Allocations made = allocations_of([&] { fleet.emplace(plan, pictures_, sound_); });
        const Duration warm_up = options_.quick ? Duration(200ms) : kind_.warm_up;
        static_cast<void>(fleet->run(warm_up));
        // As long: so that both are at the same pictures and blocks from here on, and their rate control has settled.
        BareFleet bare(plan, pictures_, sound_, fleet->video_bitrate());
        static_cast<void>(bare.run(warm_up));
        Point point{.calls = calls, .loss = loss};
        if (counts_foreign()) {
            point.memory_all = static_cast<double>(made.own_bytes + made.foreign_bytes) / static_cast<double>(calls);
        }
        rounds(point, *fleet, bare);
        point.memory = fleet->memory();
        point.full_size = plan.medium == Medium::audio || fleet->full_size();
        return point;
    }

    // A round is bare, calls, calls, bare, as in bench/measure.h.
    void rounds(Point& point, CallFleet& fleet, BareFleet& bare) {
        const Duration time = options_.quick ? Duration(100ms) : Duration(500ms);
        const double scale = 1e9 / static_cast<double>(time.count()) / static_cast<double>(point.calls);
        std::vector<double> costs, bare_costs, shares, responses;
        std::size_t sent = 0, shown = 0, bytes = 0, bare_bytes = 0;
        for (int i = 0; i < options_.rounds; ++i) {
            double cost = 0, bare_cost = 0;
            const auto run_bare = [&] {
                const Stretch stretch = bare.run(time);
                bare_cost += stretch.cpu * scale / 2;
                bare_bytes += stretch.bytes;
            };
            const auto run_calls = [&] {
                const Stretch stretch = fleet.run(time);
                cost += stretch.cpu * scale / 2;
                responses.insert(responses.end(), stretch.responses.begin(), stretch.responses.end());
                sent += stretch.sent, shown += stretch.shown, bytes += stretch.bytes;
            };
            run_bare(), run_calls(), run_calls(), run_bare();
            costs.push_back(cost), bare_costs.push_back(bare_cost), shares.push_back(bare_cost / cost);
            progress_.tick();
        }
        point.cost = spread(std::move(costs));
        point.bare_cost = spread(std::move(bare_costs));
        point.share = spread(std::move(shares));
        point.response = percentiles(std::move(responses));
        point.shown = sent > 0 ? static_cast<double>(shown) / static_cast<double>(sent) : 0;
        const double bits = 8 * scale / 1000 / (2.0 * options_.rounds);
        point.kbps = static_cast<double>(bytes) * bits;
        point.bare_kbps = static_cast<double>(bare_bytes) * bits;
    }

    const Kind& kind_;
    const Options& options_;
    Progress& progress_;
    PictureLoop pictures_;
    SoundLoop sound_;
};

std::string line(const Point& point, Duration interval) {
    char text[240];
    std::snprintf(text, sizeof(text), "  %6zu %5.1f %% %11.0f %11.0f %8.3f %10.2f %9.1f %9.1f %8.0f %8.0f  %s\n",
                  point.calls, 100 * point.loss, point.cost.median, point.bare_cost.median, point.share.median,
                  point.response.p99 / 1000, point.memory / 1024, point.memory_all / 1024, point.kbps, point.bare_kbps,
                  !point.full_size          ? "smaller pictures"
                  : point.carries(interval) ? ""
                                            : "too many");
    std::string trimmed = text;
    trimmed.erase(trimmed.find_last_not_of(" \n") + 1);
    return trimmed + "\n";
}

std::string to_text(const Measured& measured) {
    const Kind& kind = *measured.kind;
    const Duration interval = kind.plan.interval();
    char text[300];
    std::snprintf(text, sizeof(text), "%s: a frame each %.1f ms\n  %6s %7s %11s %11s %8s %10s %9s %9s %8s %8s\n",
                  kind.name.c_str(), static_cast<double>(interval.count()) / 1e6, "calls", "loss", "us/call-s",
                  "bare us", "share", "p99 ms", "KiB own", "KiB all", "kbit/s", "bare");
    std::string out = text;
    for (const Point& point : measured.growth) out += line(point, interval);
    for (const Point& point : measured.losses) out += line(point, interval);
    if (!measured.most) return out + "  not one pair of calls was carried in time\n";
    const Point& most = *measured.most;
    std::snprintf(text, sizeof(text),
                  "  carried: %zu calls (goal: %zu, %s), %.3f of what bare codecs allow (goal: %.2f, %s)%s\n",
                  most.calls, kind.at_least, most.calls >= kind.at_least ? "met" : "MISSED", most.share.median,
                  share_of_codecs_at_least, most.share.median >= share_of_codecs_at_least ? "met" : "MISSED",
                  measured.too_many ? "" : "; more were not tried");
    out += text;
    std::snprintf(
        text, sizeof(text),
        "  of a second of the core: %.0f us a participant (%.0f in bare codecs, which alone would allow %.0f), "
        "%.0f us a call of two\n",
        most.cost.median, most.bare_cost.median, 1e6 / most.bare_cost.median, 2 * most.cost.median);
    return out + text;
}

nlohmann::json to_json(const Spread& s) {
    return {{"median", s.median}, {"p10", s.p10}, {"p90", s.p90}, {"samples", s.samples}};
}

nlohmann::json to_json(const Point& point) {
    return {{"calls", point.calls},
            {"loss", point.loss},
            {"cpu_us_per_call_second", to_json(point.cost)},
            {"bare_cpu_us_per_call_second", to_json(point.bare_cost)},
            {"share_of_bare", to_json(point.share)},
            {"response_us", point.response},
            {"shown", point.shown},
            {"memory_bytes", point.memory},
            {"memory_bytes_all", point.memory_all},
            {"kbps", point.kbps},
            {"bare_kbps", point.bare_kbps},
            {"full_size", point.full_size}};
}

nlohmann::json to_json(const Measured& measured) {
    const Kind& kind = *measured.kind;
    nlohmann::json json{{"name", kind.name},
                        {"medium", kind.plan.medium == Medium::audio ? "audio" : "video"},
                        {"interval_ms", static_cast<double>(kind.plan.interval().count()) / 1e6},
                        {"carried", measured.most ? measured.most->calls : 0},
                        {"at_least", kind.at_least},
                        {"too_many", nullptr},
                        {"growth", nlohmann::json::array()},
                        {"losses", nlohmann::json::array()}};
    if (const Point* const point = measured.most ? &*measured.most : nullptr) {
        json["participant"] = {{"cpu_us_per_second", point->cost.median},
                               {"bare_cpu_us_per_second", point->bare_cost.median},
                               {"memory_bytes", point->memory},
                               {"memory_bytes_all", point->memory_all}};
        json["call_of_two"] = {{"cpu_us_per_second", 2 * point->cost.median},
                               {"bare_cpu_us_per_second", 2 * point->bare_cost.median},
                               {"memory_bytes", 2 * point->memory},
                               {"memory_bytes_all", 2 * point->memory_all}};
        json["bare_codecs_allow"] = 1e6 / point->bare_cost.median;
    }
    if (measured.too_many) json["too_many"] = *measured.too_many;
    for (const Point& point : measured.growth) json["growth"].push_back(to_json(point));
    for (const Point& point : measured.losses) json["losses"].push_back(to_json(point));
    return json;
}

int run(Options options) {
    if (options.quick && options.calls.empty()) options.calls = {2};
    for (const std::size_t calls : options.calls) {
        if (calls % 2 == 0) continue;
        std::fprintf(stderr, "sotto-bench: calls come in pairs, so %zu is no good\n", calls);
        return exit_unusable;
    }
    std::printf("%s\n", describe_machine().to_text().c_str());
    Progress progress;
    nlohmann::json results = nlohmann::json::array();
    for (const Kind& kind : kinds()) {
        if (!options.media.empty() && std::ranges::find(options.media, kind.name) == options.media.end()) continue;
        const Measured measured = Measurement(kind, options, progress).run();
        progress.done();
        std::printf("%s", to_text(measured).c_str());
        std::fflush(stdout);
        results.push_back(to_json(measured));
    }
    return write_results(options.json, "", "sotto-bench capacity",
                         {{"capacities", std::move(results)}, {"quick", options.quick}});
}

}  // namespace

Command capacity_command(CLI::App& app) {
    auto options = std::make_shared<Options>();
    options->losses = {0.02, 0.1};
    CLI::App* const words = app.add_subcommand("capacity", "How many calls one core carries");
    std::vector<std::string> names;
    for (const Kind& kind : kinds()) names.push_back(kind.name);
    words->add_option("--kind", options->media, "of call; may be repeated")->check(CLI::IsMember(names));
    words->add_option("--calls", options->calls, "measure so many in place of searching for the most; may be repeated")
        ->check(CLI::Range(std::size_t{2}, std::size_t{5000}));
    words->add_option("--loss", options->losses, "shares of the packets that get lost, 0 to 0.5; may be repeated")
        ->check(CLI::Range(0.0, 0.5));
    words->add_option("--rounds", options->rounds, "a round is two seconds of virtual time")
        ->check(CLI::Range(1, 1000))
        ->capture_default_str();
    words->add_flag("--quick", options->quick,
                    "a pair of calls for a moment: shows that it runs, the figures say little");
    words->add_option("--json", options->json, "also write everything to this file");
    return {.words = words, .run = [options] { return run(*options); }};
}

}  // namespace sotto::bench
