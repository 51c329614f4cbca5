#include "apps/sotto/report.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <vector>

#include "apps/sotto/audio_similarity.h"
#include "apps/sotto/media_source.h"
#include "sotto/media.h"
#include "sotto/trace.h"

namespace sotto::app {
namespace {

using Json = nlohmann::json;

// The frames of one medium by RTP time stamp, in the order of the log.
struct Traces {
    std::map<std::uint32_t, FrameTrace> by_timestamp;
    std::vector<std::uint32_t> order;
};

struct SideLog {
    std::string safety_number;
    Json short_auth;
    Json stats;
    Traces sent_video, sent_audio, received_video, received_audio;
};

Expected<SideLog> read_log(const std::string& path) {
    std::ifstream file(path);
    if (!file) return std::unexpected("cannot read " + path);
    SideLog log;
    for (std::string line; std::getline(file, line);) {
        const Json event = Json::parse(line, nullptr, false);
        if (event.is_discarded()) return std::unexpected(path + " is not a log of JSON lines");
        if (event["event"] == "active") log.safety_number = event["safety_number"];
        if (event["event"] == "short_auth") log.short_auth = event["short_auth"];
        if (event["event"] == "ended") log.stats = event["stats"];
        if (event["event"] != "trace") continue;
        const bool video = event["medium"] == "video";
        FrameTrace trace{.medium = video ? Medium::video : Medium::audio,
                         .timestamp = event["timestamp"],
                         .number = event["number"]};
        for (std::size_t i = 0; i < stage_count; ++i)
            trace.at[i] = Instant(Duration(event["at"][i].get<std::int64_t>()));
        const bool sent = trace[Stage::decoded] == Instant{};
        Traces& traces =
            video ? (sent ? log.sent_video : log.received_video) : (sent ? log.sent_audio : log.received_audio);
        traces.by_timestamp[trace.timestamp] = trace;
        traces.order.push_back(trace.timestamp);
    }
    if (log.stats.is_null()) return std::unexpected(path + ": the call did not end properly");
    return log;
}

double in_us(Duration time) { return static_cast<double>(time.count()) / 1000.0; }

Json percentiles(std::vector<double> values) {
    if (values.empty()) return {{"p50", nullptr}, {"p95", nullptr}, {"p99", nullptr}};
    std::ranges::sort(values);
    const auto at = [&](double share) {
        return std::round(values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1))] * 10) / 10;
    };
    return {{"p50", at(0.50)}, {"p95", at(0.95)}, {"p99", at(0.99)}};
}

// Both sides' stamps of the frames that arrived, on the machine's one monotonic clock.
void add_latencies(const std::string& medium, const Traces& sent, const Traces& received, Json& out) {
    std::map<Stage, std::vector<double>> steps;
    std::vector<double> totals;
    for (const std::uint32_t timestamp : received.order) {
        const auto origin = sent.by_timestamp.find(timestamp);
        if (origin == sent.by_timestamp.end()) continue;
        FrameTrace whole = received.by_timestamp.at(timestamp);
        for (std::size_t i = 0; is_senders(static_cast<Stage>(i)); ++i) whole.at[i] = origin->second.at[i];
        if (whole[Stage::received] == Instant{}) continue;
        Instant before = whole[Stage::captured];
        for (std::size_t i = 1; i < stage_count; ++i) {
            if (whole.at[i] == Instant{}) continue;
            steps[static_cast<Stage>(i)].push_back(in_us(whole.at[i] - before));
            before = whole.at[i];
        }
        totals.push_back(in_us(whole[Stage::shown] - whole[Stage::captured]));
    }
    for (const auto& [stage, values] : steps) out[medium + " " + std::string(step_name(stage))] = percentiles(values);
    out[medium + " total"] = percentiles(totals);
}

// Mean over the pictures shown of the luma PSNR against the very picture that was sent.
Expected<double> video_psnr(const ReportInput& input, const SideLog& sender, const SideLog& receiver) {
    auto source = VideoSource::open(input.video, input.width, input.height, input.max_frame_rate, true);
    if (!source) return std::unexpected(source.error());
    auto shown = VideoSource::open(input.recording, input.width, input.height, 1000, false);
    if (!shown) return std::unexpected(shown.error());
    std::int64_t source_number = -1;
    const codec::I420Buffer* original = nullptr;
    double sum = 0;
    std::size_t pictures = 0;
    for (const std::uint32_t timestamp : receiver.received_video.order) {
        const auto picture = shown->next();
        if (!picture) return std::unexpected(picture.error());
        if (*picture == nullptr) break;
        const auto origin = sender.sent_video.by_timestamp.find(timestamp);
        if (origin == sender.sent_video.by_timestamp.end()) continue;
        while (source_number < static_cast<std::int64_t>(origin->second.number)) {
            const auto next = source->next();
            if (!next || *next == nullptr) return std::unexpected("the video source ended early");
            original = *next;
            ++source_number;
        }
        const auto psnr = codec::luma_psnr(original->view({}), (*picture)->view({}));
        if (!psnr) return std::unexpected("the recording has another size than the call");
        sum += *psnr;
        ++pictures;
    }
    return pictures > 0 ? sum / static_cast<double>(pictures) : 0.0;
}

Expected<double> similarity(const ReportInput& input, std::uint64_t samples_sent) {
    auto source = AudioSource::open(input.audio, 1, true);
    if (!source) return std::unexpected(source.error());
    std::vector<std::int16_t> sent(samples_sent);
    const auto read = source->read(sent);
    if (!read) return std::unexpected(read.error());
    auto recording = AudioSource::open(input.recording, 1, false);
    if (!recording) return std::unexpected(recording.error());
    std::vector<std::int16_t> heard(sent.size() + 2 * 48000);
    const auto count = recording->read(heard);
    if (!count) return std::unexpected(count.error());
    return audio_similarity(sent, std::span(heard).first(*count)).similarity;
}

double rounded(double value, double step) { return std::round(value / step) * step; }

}  // namespace

Expected<Json> make_report(const ReportInput& input) {
    const auto sender = read_log(input.sender_log);
    if (!sender) return std::unexpected(sender.error());
    const auto receiver = read_log(input.receiver_log);
    if (!receiver) return std::unexpected(receiver.error());
    const Json& out = sender->stats;
    const Json& in = receiver->stats;
    const auto blocks_sent = out["audio_sent"]["frames_sent"].get<std::uint64_t>();
    const auto played = in["audio_received"]["blocks_played"].get<double>();
    const auto concealed = in["audio_received"]["concealed"].get<double>();

    Json video{{"frames_sent", out["video_sent"]["frames_sent"]},
               {"frames_shown", in["video_received"]["frames_rendered"]}};
    if (!input.video.empty()) {
        const auto psnr = video_psnr(input, *sender, *receiver);
        if (!psnr) return std::unexpected(psnr.error());
        video["psnr_db"] = rounded(*psnr, 0.01);
    }
    Json audio{{"blocks_sent", blocks_sent},
               {"blocks_played", in["audio_received"]["blocks_played"]},
               {"concealed_pct", played > 0 ? rounded(100 * concealed / played, 0.01) : 0.0}};
    if (!input.audio.empty()) {
        // Blocks of 10 or 20 ms: time scaling changes few of those that were heard, and by little.
        const auto samples = in["audio_received"]["total_samples_received"].get<double>();
        const std::uint64_t block = samples > 720 * played ? 960 : 480;
        const auto alike = similarity(input, blocks_sent * block);
        if (!alike) return std::unexpected(alike.error());
        audio["similarity"] = rounded(*alike, 0.001);
    }
    Json latency = Json::object();
    add_latencies("video", sender->sent_video, receiver->received_video, latency);
    add_latencies("audio", sender->sent_audio, receiver->received_audio, latency);
    return Json{
        {"safety_number_match", !sender->safety_number.empty() && sender->safety_number == receiver->safety_number},
        {"safety_number", sender->safety_number},
        {"short_auth_match", !sender->short_auth.is_null() && sender->short_auth == receiver->short_auth},
        {"short_auth", sender->short_auth},
        {"video", std::move(video)},
        {"audio", std::move(audio)},
        {"latency_us", std::move(latency)},
        {"recording", input.recording}};
}

std::string to_text(const Json& report, const ReportInput& input) {
    std::ostringstream out;
    const auto value = [](const Json& json) { return json.is_null() ? std::string("-") : json.dump(); };
    out << "Safety number   " << report["safety_number"].get<std::string>() << "\n                "
        << (report["safety_number_match"] ? "the same on both sides" : "DIFFERENT ON THE TWO SIDES") << "\n";
    out << "Symbols        ";
    for (const Json& word : report["short_auth"]) out << " " << word.get<std::string>();
    out << "\n                "
        << (report["short_auth_match"] ? "the same on both sides" : "DIFFERENT ON THE TWO SIDES") << "\n";
    out << "Video           " << value(report["video"]["frames_sent"]) << " frames sent, "
        << value(report["video"]["frames_shown"]) << " shown, PSNR " << value(report["video"].value("psnr_db", Json()))
        << " dB (" << input.video_origin << ")\n";
    out << "Audio           " << value(report["audio"]["blocks_sent"]) << " blocks sent, "
        << value(report["audio"]["blocks_played"]) << " played, " << value(report["audio"]["concealed_pct"])
        << " % concealed, spectral similarity " << value(report["audio"].value("similarity", Json())) << "\n\n";
    out << "Latency in us           p50       p95       p99\n";
    for (const char* const medium : {"video", "audio"}) {
        for (std::size_t i = 1; i <= stage_count; ++i) {
            const std::string step = i == stage_count ? "total" : std::string(step_name(static_cast<Stage>(i)));
            const std::string label = std::string(medium) + " " + step;
            if (!report["latency_us"].contains(label)) continue;
            const Json& row = report["latency_us"][label];
            char line[100];
            std::snprintf(line, sizeof(line), "%-18s %9s %9s %9s\n", label.c_str(), value(row["p50"]).c_str(),
                          value(row["p95"]).c_str(), value(row["p99"]).c_str());
            out << line;
        }
    }
    out << "\nThe received call: " << report["recording"].get<std::string>() << "\n";
    return out.str();
}

}  // namespace sotto::app
