// Frames of one medium through two calls in real time, and where the time of each went.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "bench/latency_path.h"
#include "bench/media_files.h"
#include "sotto/trace.h"

namespace sotto::bench {

struct LatencyPlan {
    Medium medium = Medium::video;
    int width = 640, height = 360;
    int block_ms = 10;
    double fps = 30;  // frames or blocks a second
    int bitrate = 0;  // bit/s of video at most
    std::size_t frames = 300;
    Duration warm_up{};  // before they count
};

// Calls of the library about a frame, of which our share is the sum: no codec's time is in it.
enum class Part : std::uint8_t {
    given,    // send()
    leaving,  // poll() at the sender, for each packet
    coming,   // receive(), for each
    shown,    // poll() at the receiver
};
inline constexpr std::array<const char*, 4> part_names{"given", "leaving", "coming", "shown"};

// Microseconds; a frame that was shown.
struct LatencySample {
    double at = 0;  // seconds since the first
    double total = 0;
    double own = 0;
    std::array<double, part_names.size()> parts{};  // of it
    double srtp = 0;                                // of it in libsrtp2
    bool whole_size = true;                         // as large as the plan's pictures
    std::array<std::optional<double>, stage_count> steps{};
};

struct LatencyResult {
    std::vector<LatencySample> samples;
    std::size_t frames = 0;      // given to the sender
    double cpu = 0;              // microseconds of this thread a frame, both ends and what carries
    double other = 0;            // microseconds a frame in calls of the library that are about no frame
    double own_allocations = 0;  // a frame, of frames after those that are timed
    double foreign_allocations = 0;
    std::size_t peak_rss = 0;  // KiB, of the whole program with its pictures
    int shown_width = 0, shown_height = 0;
};

// `tick`: told the share that is done. Stops the program by an exception if the call does not go on.
LatencyResult run_latency(const LatencyPlan& plan, const std::function<std::unique_ptr<Path>(Instant start)>& make_path,
                          const PictureLoop* pictures, const SoundLoop* sound, const std::function<void(double)>& tick);

}  // namespace sotto::bench
