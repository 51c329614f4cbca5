// The report's likeness of pictures, when a call changed their size or left some out.
#include "apps/sotto/report.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "apps/sotto/event_log.h"
#include "apps/sotto/recorder.h"
#include "apps/sotto/test_source.h"
#include "codec/vp8_encoder.h"
#include "support/temporary_folder.h"

using namespace sotto;
using namespace sotto::app;

namespace {

constexpr int width = 320, height = 180, pictures = 90;

struct Size {
    int width, height;
};

void log_trace(EventLog& log, std::uint32_t number, Stage last) {
    FrameTrace trace{.medium = Medium::video, .timestamp = 3000 * number, .number = number};
    for (std::size_t i = 0; i <= static_cast<std::size_t>(last); ++i) {
        trace.at[i] = Instant{std::chrono::milliseconds(1 + 33 * number + i)};
    }
    log.trace(trace);
}

// What a call leaves behind whose pictures were of these sizes, each for as long as the others, and of which every
// `kept`-th was sent, the others left out.
Expected<nlohmann::json> report_of(const std::vector<Size>& sizes, std::uint32_t kept) {
    const test::TemporaryFolder folder;
    const ReportInput input{.sender_log = folder.file("sender"),
                            .receiver_log = folder.file("receiver"),
                            .recording = folder.file("call.webm"),
                            .video = "test",
                            .audio = {},
                            .video_origin = {},
                            .width = width,
                            .height = height};
    auto sender = EventLog::open(input.sender_log, false), receiver = EventLog::open(input.receiver_log, false);
    auto recorder = Recorder::open(input.recording, width, height, 1);
    auto encoder = codec::Vp8Encoder::create({.width = width, .height = height, .bitrate = 3000000});
    auto picture = codec::I420Buffer::create(width, height);
    for (std::uint32_t i = 0; i < pictures; ++i) {
        const Size& size = sizes[i * sizes.size() / pictures];
        render_scene(i, 30, *picture);
        if (i % kept != 0) continue;
        REQUIRE(encoder->set_size(size.width, size.height));
        const auto encoded = encoder->encode(picture->view({}), i * 3000);
        REQUIRE(encoded);
        if (encoded->bytes.empty()) continue;
        REQUIRE(recorder->video(encoded->bytes, encoded->key, std::chrono::milliseconds(33 * i)));
        log_trace(*sender, i, Stage::sent);
        log_trace(*receiver, i, Stage::shown);
    }
    REQUIRE(recorder->close());
    for (EventLog* const log : {&*sender, &*receiver})
        log->event({{"event", "ended"}, {"stats", to_json(CallStats{})}});
    *sender = *EventLog::open({}, false);  // closes the files
    *receiver = *EventLog::open({}, false);
    return make_report(input);
}

double psnr(const std::vector<Size>& sizes, std::uint32_t kept) {
    const auto report = report_of(sizes, kept);
    REQUIRE(report);
    return (*report)["video"]["psnr_db"];
}

}  // namespace

TEST_CASE(
    "pictures are compared with those that were sent, of whatever size they came and however many were left out") {
    const double whole = psnr({{width, height}}, 1);
    CHECK(whole > 33);
    // 134 lines, made even, are the whole picture: neither cut nor shifted.
    const double changing = psnr({{width, height}, {240, 134}, {width, height}}, 1);
    CHECK(changing > 28);
    CHECK(changing < whole);
    CHECK(psnr({{160, 90}}, 1) > 24);
    CHECK(psnr({{width, height}}, 3) > 33);
    CHECK(psnr({{width, height}, {240, 134}}, 2) > 28);
}
