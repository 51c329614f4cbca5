#include "apps/sotto/event_log.h"

#include <cerrno>
#include <cstring>

namespace sotto::app {
namespace {

double milliseconds(Duration duration) { return static_cast<double>(duration.count()) / 1e6; }

nlohmann::json to_json(const SendStats& s) {
    return {{"frames", s.frames},
            {"frames_dropped", s.frames_dropped},
            {"packets", s.packets},
            {"bytes", s.bytes},
            {"retransmitted", s.retransmitted},
            {"overrun", s.overrun},
            {"unrepaired", s.unrepaired},
            {"peer_loss", s.peer_loss}};
}

nlohmann::json to_json(const ReceiveStats& s) {
    return {{"packets", s.packets},
            {"bytes", s.bytes},
            {"expected", s.expected},
            {"frames", s.frames},
            {"concealed", s.concealed},
            {"recovered", s.recovered},
            {"skipped", s.skipped},
            {"nacked", s.nacked},
            {"given_up", s.given_up},
            {"key_requests", s.key_requests},
            {"jitter_ms", milliseconds(s.jitter)},
            {"playout_delay_ms", milliseconds(s.playout_delay)}};
}

}  // namespace

nlohmann::json to_json(const CallStats& stats) {
    nlohmann::json refused = nlohmann::json::object();
    for (std::size_t i = 0; i < error_count; ++i) {
        if (stats.refused.by_error[i] > 0)
            refused[std::string(name(static_cast<Error>(i)))] = stats.refused.by_error[i];
    }
    nlohmann::json json{{"audio_sent", to_json(stats.audio_sent)},
                        {"video_sent", to_json(stats.video_sent)},
                        {"audio_received", to_json(stats.audio_received)},
                        {"video_received", to_json(stats.video_received)},
                        {"refused", std::move(refused)},
                        {"epoch", stats.epoch},
                        {"memory", stats.memory}};
    if (stats.round_trip) json["round_trip_ms"] = milliseconds(*stats.round_trip);
    return json;
}

nlohmann::json to_json(const ShortAuth& symbols) {
    nlohmann::json words = nlohmann::json::array();
    for (const SasSymbol& symbol : symbols) words.push_back(symbol.word);
    return words;
}

Expected<EventLog> EventLog::open(const std::string& path, bool to_stdout) {
    EventLog log;
    log.to_stdout_ = to_stdout;
    if (path.empty()) return log;
    log.file_.reset(std::fopen(path.c_str(), "w"));
    if (!log.file_) return std::unexpected("cannot write " + path + ": " + std::strerror(errno));
    return log;
}

void EventLog::event(const nlohmann::json& event) {
    const std::string line = event.dump() + "\n";
    if (file_) std::fputs(line.c_str(), file_.get());
    if (to_stdout_) std::fputs(line.c_str(), stdout), std::fflush(stdout);
}

void EventLog::trace(const FrameTrace& trace) {
    if (!file_) return;
    nlohmann::json at = nlohmann::json::array();
    for (const Instant instant : trace.at) at.push_back(instant.time_since_epoch().count());
    const nlohmann::json line{{"event", "trace"},
                              {"medium", trace.medium == Medium::video ? "video" : "audio"},
                              {"timestamp", trace.timestamp},
                              {"number", trace.number},
                              {"at", std::move(at)}};
    std::fputs((line.dump() + "\n").c_str(), file_.get());
}

}  // namespace sotto::app
