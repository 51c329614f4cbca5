// What came of a call's media at one end, against what the other end captured: delay, freezes, likeness.
#pragma once

#include <sys/resource.h>

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "bench/network_peer/media.h"
#include "bench/network_peer/picture_quality.h"
#include "sotto/call.h"

namespace sotto::bench {

// Told by the sender for every frame and block that it sent, beside the call.
struct SentRecord {
    Medium medium = Medium::audio;
    std::uint32_t timestamp = 0;  // RTP
    std::uint64_t position = 0;   // in the source: which picture, or the block's first sample
    Instant captured{};
    Duration encoding{};
};

// The part of the call that counts.
struct Window {
    Instant from = never;
    Instant to = never;

    bool holds(Instant at) const { return from <= at && at < to; }
    double seconds() const { return std::chrono::duration<double>(to - from).count(); }
};

struct Freezes {
    int count = 0;
    double seconds = 0;
    double longest_gap = 0;  // seconds
};

// W3C webrtc-stats, freezeCount: a gap of more than max(3 x mean, mean + 150 ms), the mean being that of the 30 gaps
// before. Stricter than it in that the window's end counts as a frame: a picture that stays frozen is a freeze, too.
Freezes freezes(const std::vector<Instant>& shown, const Window& window);

class Reception {
  public:
    Reception(const Pictures& pictures, const Speech& speech, const Window& window)
        : pictures_(pictures), speech_(speech), window_(window) {}

    void sent(const SentRecord& record);
    void shown(const ShownFrame& frame, Instant at);
    void played(const PlayedBlock& block, Instant at);
    void received(const FrameTrace& trace);
    // At the window's two ends.
    void stats(const CallStats& stats);
    bool begun() const { return !stats_.empty(); }
    bool complete() const { return stats_.size() == 2; }

    // The keys and the types that shared/tools/chromium_peer.mjs prints, and a few more.
    nlohmann::ordered_json report() const;

  private:
    struct Shown {
        std::uint32_t timestamp = 0;
        Instant at{};
        int width = 0;
        std::optional<Luma> luma;  // of every fifth
    };
    struct Played {
        std::uint32_t timestamp = 0;
        Instant at{};
        std::vector<std::int16_t> samples;
    };
    struct Usage {
        CallStats stats;
        double processor = 0;  // seconds
    };
    struct Waits {  // seconds between two stages, summed
        double buffered = 0, decoding = 0;
        int frames = 0;
    };
    // What was sent nearest before `timestamp`; nothing if nothing near it was.
    std::optional<SentRecord> find(Medium medium, std::uint32_t timestamp) const;

    nlohmann::ordered_json video_report() const;
    nlohmann::ordered_json audio_report() const;
    void judge_pictures(nlohmann::ordered_json& video) const;
    double audio_likeness() const;
    double encoding() const;
    double rate(Medium medium) const;
    std::uint64_t grown(Medium medium, std::uint64_t ReceiveStats::* counter) const;

    const Pictures& pictures_;
    const Speech& speech_;
    const Window& window_;
    std::array<std::map<std::uint32_t, SentRecord>, 2> sent_;  // by medium
    std::array<Waits, 2> waits_{};
    std::vector<Shown> shown_;
    std::vector<Played> played_;
    std::vector<Usage> stats_;
};

}  // namespace sotto::bench
