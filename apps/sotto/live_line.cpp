#include "apps/sotto/live_line.h"

#include <algorithm>
#include <cstdio>
#include <vector>

namespace sotto::app {
namespace {

constexpr Duration remembered = std::chrono::seconds(10);

double kbps(std::uint64_t before, std::uint64_t after, double seconds) {
    return seconds > 0 ? static_cast<double>(after - before) * 8.0 / 1000.0 / seconds : 0;
}

double lost_share(const CallStats& before, const CallStats& after) {
    const auto expected = [](const CallStats& s) {
        return s.audio_received.packets_expected + s.video_received.packets_expected;
    };
    const auto lost = [](const CallStats& s) { return s.audio_received.packets_lost + s.video_received.packets_lost; };
    const auto sent = static_cast<double>(expected(after) - expected(before));
    return sent > 0 ? std::max(0.0, static_cast<double>(lost(after) - lost(before)) / sent) : 0;
}

}  // namespace

void LiveLine::shown(Instant captured, Instant at) {
    latencies_.push_back({at, at - captured});
    while (at - latencies_.front().at > remembered) latencies_.pop_front();
}

LiveFigures LiveLine::update(const CallStats& stats, Instant at) {
    const double interval = std::chrono::duration<double>(at - last_).count();
    LiveFigures figures{
        .seconds = std::chrono::duration<double>(at - start_).count(),
        .video_out_kbps = kbps(before_.video_sent.bytes_sent, stats.video_sent.bytes_sent, interval),
        .video_in_kbps = kbps(before_.video_received.bytes_received, stats.video_received.bytes_received, interval),
        .audio_out_kbps = kbps(before_.audio_sent.bytes_sent, stats.audio_sent.bytes_sent, interval),
        .audio_in_kbps = kbps(before_.audio_received.bytes_received, stats.audio_received.bytes_received, interval),
        .loss = lost_share(before_, stats),
        .epoch = stats.epoch};
    if (!latencies_.empty()) {
        std::vector<Duration> sorted;
        sorted.reserve(latencies_.size());
        for (const Latency& latency : latencies_) sorted.push_back(latency.delay);
        std::ranges::sort(sorted);
        const auto at_share = [&](double share) {
            return static_cast<double>(
                       sorted[static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1))].count()) /
                   1e6;
        };
        figures.latency_p50_ms = at_share(0.50);
        figures.latency_p95_ms = at_share(0.95);
    }
    before_ = stats;
    last_ = at;
    return figures;
}

std::string to_text(const ShortAuth& symbols) {
    std::string text;
    for (const SasSymbol& symbol : symbols) {
        if (!text.empty()) text += "  ";
        text.append(symbol.emoji).append(" ").append(symbol.word);
    }
    return text;
}

std::string to_line(const LiveFigures& f, const SafetyNumber& safety_number,
                    const std::optional<ShortAuth>& short_auth) {
    char line[400];
    std::snprintf(line, sizeof(line),
                  "%02d:%02d  video %.0f out %.0f in kbit/s  audio %.0f out %.0f in  loss %.1f %%  "
                  "latency p50 %.0f p95 %.0f ms  key epoch %u.%u  safety %s  %s",
                  static_cast<int>(f.seconds) / 60, static_cast<int>(f.seconds) % 60, f.video_out_kbps, f.video_in_kbps,
                  f.audio_out_kbps, f.audio_in_kbps, f.loss * 100, f.latency_p50_ms, f.latency_p95_ms, f.epoch >> 16,
                  f.epoch & 0xffff, safety_number.c_str(), short_auth ? to_text(*short_auth).c_str() : "");
    return line;
}

}  // namespace sotto::app
