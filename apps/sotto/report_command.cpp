// sotto report: how a finished call was, by both sides' logs.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "apps/sotto/commands.h"
#include "apps/sotto/outcome.h"
#include "apps/sotto/report.h"

namespace sotto::app {
namespace {

struct ReportOptions {
    ReportInput input;
    bool json = false;
};

int run_report(const ReportOptions& options) {
    const auto report = make_report(options.input);
    if (!report) return complain(report.error());
    const std::string text = to_text(*report, options.input);
    std::fputs(text.c_str(), options.json ? stderr : stdout);
    if (options.json) std::printf("%s\n", report->dump().c_str());
    return (*report)["safety_number_match"] && (*report)["short_auth_match"] ? 0 : exit_failed;
}

}  // namespace

void add_report_command(CLI::App& app, Chosen& chosen) {
    CLI::App& command = *app.add_subcommand("report", "tell how a finished call was at the far end");
    const auto options = std::make_shared<ReportOptions>();
    ReportInput& report = options->input;
    command.add_option("--sender-log", report.sender_log)->required();
    command.add_option("--receiver-log", report.receiver_log)->required();
    command.add_option("--recording", report.recording, "of the receiver")->required();
    command.add_option("--video", report.video, "the sender's source");
    command.add_option("--audio", report.audio, "the sender's source");
    command.add_option("--video-origin", report.video_origin, "what the pictures are");
    command.add_flag("--json", options->json, "one JSON object on standard output");
    command.callback([options, &chosen] { chosen = [options] { return run_report(*options); }; });
}

}  // namespace sotto::app
