// What a finished call was like at the far end, from both sides' logs, the recording and the media that were sent.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "apps/sotto/expected.h"

namespace sotto::app {

struct ReportInput {
    std::string sender_log, receiver_log;  // as written by --log
    std::string recording;                 // of the receiver
    std::string video, audio;              // the sender's sources
    std::string video_origin;              // a sentence about the pictures, for the reader
    int width = 640, height = 360;
    int max_frame_rate = 30;
};

// {"safety_number_match":bool,"short_auth_match":bool,"video":{...},"audio":{...},
//  "latency_us":{STEP:{"p50","p95","p99"}},"recording":PATH}.
// A step is "video encode" and so on, see Stage; "video total" is capture to shown.
Expected<nlohmann::json> make_report(const ReportInput& input);
std::string to_text(const nlohmann::json& report, const ReportInput& input);

}  // namespace sotto::app
