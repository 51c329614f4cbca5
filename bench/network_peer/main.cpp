// network_peer: one end of the call that bench/network makes; the media for it; the judge of Chromium's.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>

#include "bench/measure.h"
#include "bench/network_peer/peer.h"
#include "bench/network_peer/tapped.h"

namespace sotto::bench {
namespace {

constexpr int exit_failed = 1;
constexpr int exit_unusable = 2;

void add_media(CLI::App& command, PeerSettings& settings) {
    command.add_option("--video", settings.video, "YUV4MPEG2, 4:2:0, 30 frames a second")->required();
    command.add_option("--audio", settings.audio, "WAVE, 48 kHz mono 16-bit PCM")->required();
    command.add_option("--seconds", settings.seconds)->capture_default_str()->check(CLI::Range(1, 3600));
}

void add_call(CLI::App& command, PeerSettings& settings, std::string& report) {
    add_media(command, settings);
    command.add_option("--carrier", settings.carrier, "unix:PATH")->required();
    command.add_option("--bind", settings.bind, "numeric address for media")->required();
    command.add_option("--start-up", settings.start_up, "seconds before those that count")
        ->capture_default_str()
        ->check(CLI::Range(0, 3600));
    command.add_option("--report", report, "write here how the call was at this end");
}

void make_call(const PeerSettings& settings, const std::string& path) {
    const auto report = Peer(settings).run();
    if (path.empty()) return;
    std::ofstream file(path);
    file << report.dump() << '\n';
    require(file.flush().good(), ("cannot write " + path).c_str());
}

int run(int argc, char** argv) {
    CLI::App app("One end of the call that bench/network makes", "network_peer");
    app.require_subcommand(1);
    PeerSettings settings;
    std::string report;
    CLI::App& dial = *app.add_subcommand("dial", "call whoever waits at --carrier");
    CLI::App& answer = *app.add_subcommand("answer", "wait at --carrier for one call");
    CLI::App& media = *app.add_subcommand("media", "write the test scene and voice to --video and --audio");
    add_call(dial, settings, report);
    add_call(answer, settings, report);
    add_media(media, settings);
    CLI::App& judge = *app.add_subcommand("judge", "print how what network_tap.mjs kept is, as JSON");
    std::string taps;
    judge.add_option("--taps", taps, "its folder")->required();
    judge.add_option("--video", settings.video, "what was captured")->required();
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : exit_unusable;
    }
    if (media.parsed()) {
        write_test_pictures(settings.video, settings.seconds);
        write_test_speech(settings.audio, settings.seconds);
    } else if (judge.parsed()) {
        std::printf("%s\n", judge_tapped(taps, Pictures(settings.video)).dump().c_str());
    } else {
        settings.dials = dial.parsed();
        make_call(settings, report);
    }
    return 0;
}

}  // namespace
}  // namespace sotto::bench

int main(int argc, char** argv) {
    try {
        return sotto::bench::run(argc, argv);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "network_peer: %s\n", error.what());
        return sotto::bench::exit_failed;
    }
}
