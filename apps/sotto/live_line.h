// One line that tells how the call goes, rewritten each half second.
#pragma once

#include <deque>
#include <optional>
#include <string>

#include "sotto/call.h"

namespace sotto::app {

struct LiveFigures {
    double seconds = 0;
    double video_out_kbps = 0, video_in_kbps = 0, audio_out_kbps = 0, audio_in_kbps = 0;
    double loss = 0;                                // of what the peer sent in the last interval, 0 to 1
    double latency_p50_ms = 0, latency_p95_ms = 0;  // capture to shown, of the last ten seconds' frames
    std::uint32_t epoch = 0;                        // MediaEpoch::number(), shown as generation.epoch
};

class LiveLine {
  public:
    explicit LiveLine(Instant start) : start_(start), last_(start) {}

    void shown(Instant captured, Instant at);
    // The figures since the last call.
    LiveFigures update(const CallStats& stats, Instant at);

  private:
    Instant start_, last_;
    CallStats before_;
    struct Latency {
        Instant at;
        Duration delay;
    };
    std::deque<Latency> latencies_;
};

// "🍎 apple  🔑 key  🦊 fox  ⭐ star"
std::string to_text(const ShortAuth& symbols);
std::string to_line(const LiveFigures& figures, const SafetyNumber& safety_number,
                    const std::optional<ShortAuth>& short_auth);

}  // namespace sotto::app
