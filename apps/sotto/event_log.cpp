#include "apps/sotto/event_log.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "apps/sotto/private_file.h"

namespace sotto::app {
namespace {

// The members by their names in sotto/stats.h, times in seconds.
nlohmann::json to_json(const SendStats& s) {
    constexpr std::array reasons{"none", "cpu", "bandwidth", "other"};
    nlohmann::json durations;
    for (std::size_t i = 0; i < reasons.size(); ++i) durations[reasons[i]] = s.quality_limitation_durations[i].count();
    return {{"packets_sent", s.packets_sent},
            {"bytes_sent", s.bytes_sent},
            {"header_bytes_sent", s.header_bytes_sent},
            {"retransmitted_packets_sent", s.retransmitted_packets_sent},
            {"retransmitted_bytes_sent", s.retransmitted_bytes_sent},
            {"target_bitrate", s.target_bitrate},
            {"total_packet_send_delay", s.total_packet_send_delay.count()},
            {"nack_count", s.nack_count},
            {"frames_sent", s.frames_sent},
            {"frames_encoded", s.frames_encoded},
            {"key_frames_encoded", s.key_frames_encoded},
            {"huge_frames_sent", s.huge_frames_sent},
            {"total_encoded_bytes_target", s.total_encoded_bytes_target},
            {"qp_sum", s.qp_sum},
            {"total_encode_time", s.total_encode_time.count()},
            {"frame_width", s.frame_width},
            {"frame_height", s.frame_height},
            {"frames_per_second", s.frames_per_second},
            {"quality_limitation_resolution_changes", s.quality_limitation_resolution_changes},
            {"pli_count", s.pli_count},
            {"fir_count", s.fir_count},
            {"fec_packets_sent", s.fec_packets_sent},
            {"frames_dropped", s.frames_dropped},
            {"unrepaired", s.unrepaired},
            {"overrun", s.overrun},
            {"encoder_speed", s.encoder_speed},
            {"quality_limitation_reason", reasons[static_cast<std::size_t>(s.quality_limitation_reason)]},
            {"quality_limitation_durations", std::move(durations)}};
}

nlohmann::json to_json(const RemoteReceiveStats& s) {
    nlohmann::json json{{"packets_lost", s.packets_lost},
                        {"jitter", s.jitter.count()},
                        {"fraction_lost", s.fraction_lost},
                        {"total_round_trip_time", s.total_round_trip_time.count()},
                        {"round_trip_time_measurements", s.round_trip_time_measurements}};
    if (s.round_trip_time) json["round_trip_time"] = s.round_trip_time->count();
    return json;
}

nlohmann::json to_json(const ReceiveStats& s) {
    return {{"packets_received", s.packets_received},
            {"packets_lost", s.packets_lost},
            {"packets_discarded", s.packets_discarded},
            {"bytes_received", s.bytes_received},
            {"header_bytes_received", s.header_bytes_received},
            {"jitter", s.jitter.count()},
            {"nack_count", s.nack_count},
            {"retransmitted_packets_received", s.retransmitted_packets_received},
            {"retransmitted_bytes_received", s.retransmitted_bytes_received},
            {"fec_packets_received", s.fec_packets_received},
            {"fec_bytes_received", s.fec_bytes_received},
            {"fec_packets_discarded", s.fec_packets_discarded},
            {"jitter_buffer_emitted_count", s.jitter_buffer_emitted_count},
            {"jitter_buffer_delay", s.jitter_buffer_delay.count()},
            {"jitter_buffer_target_delay", s.jitter_buffer_target_delay.count()},
            {"frames_received", s.frames_received},
            {"frames_decoded", s.frames_decoded},
            {"key_frames_decoded", s.key_frames_decoded},
            {"frames_rendered", s.frames_rendered},
            {"frames_dropped", s.frames_dropped},
            {"frames_assembled_from_multiple_packets", s.frames_assembled_from_multiple_packets},
            {"total_assembly_time", s.total_assembly_time.count()},
            {"total_processing_delay", s.total_processing_delay.count()},
            {"total_decode_time", s.total_decode_time.count()},
            {"qp_sum", s.qp_sum},
            {"frame_width", s.frame_width},
            {"frame_height", s.frame_height},
            {"frames_per_second", s.frames_per_second},
            {"total_inter_frame_delay", s.total_inter_frame_delay.count()},
            {"total_squared_inter_frame_delay", s.total_squared_inter_frame_delay},
            {"freeze_count", s.freeze_count},
            {"total_freezes_duration", s.total_freezes_duration.count()},
            {"pause_count", s.pause_count},
            {"total_pauses_duration", s.total_pauses_duration.count()},
            {"pli_count", s.pli_count},
            {"fir_count", s.fir_count},
            {"total_samples_received", s.total_samples_received},
            {"total_samples_duration", s.total_samples_duration.count()},
            {"concealed_samples", s.concealed_samples},
            {"silent_concealed_samples", s.silent_concealed_samples},
            {"concealment_events", s.concealment_events},
            {"inserted_samples_for_deceleration", s.inserted_samples_for_deceleration},
            {"removed_samples_for_acceleration", s.removed_samples_for_acceleration},
            {"packets_expected", s.packets_expected},
            {"nacked", s.nacked},
            {"repaired", s.repaired},
            {"given_up", s.given_up},
            {"blocks_played", s.blocks_played},
            {"concealed", s.concealed},
            {"recovered", s.recovered},
            {"redundant_used", s.redundant_used},
            {"redundant_unused", s.redundant_unused},
            {"skipped", s.skipped},
            {"playout_delay", s.playout_delay.count()}};
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
                        {"audio_at_peer", to_json(stats.audio_at_peer)},
                        {"video_at_peer", to_json(stats.video_at_peer)},
                        {"audio_received", to_json(stats.audio_received)},
                        {"video_received", to_json(stats.video_received)},
                        {"available_outgoing_bitrate", stats.available_outgoing_bitrate},
                        {"refused", std::move(refused)},
                        {"queueing_delay", stats.queueing_delay.count()},
                        {"epoch", stats.epoch},
                        {"epochs_begun", stats.epochs_begun},
                        {"generations_agreed", stats.generations_agreed},
                        {"memory", stats.memory}};
    if (stats.current_round_trip_time) json["current_round_trip_time"] = stats.current_round_trip_time->count();
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
    make_private_file(path);
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
