// How steadily frames come, as W3C webrtc-stats counts it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/strong_integer.h"
#include "sotto/stats.h"
#include "sotto/time.h"

namespace sotto::call {

class FrameRate {
  public:
    void note(Instant now) { frames_[count_++ % frames_.size()] = now; }
    // Frames in the second before `now`; at most as many as are remembered.
    double at(Instant now) const;

  private:
    std::array<Instant, 64> frames_{};
    std::size_t count_ = 0;
};

// The part of the time between two frames that decoding one takes.
class DecodeLoad {
  public:
    void decoded(RtpTimestamp timestamp, Duration took);
    void restart() { *this = {}; }  // what comes now takes another time
    // 1 is all of it; nothing before enough frames tell, nor without a clock that runs while we decode.
    std::optional<double> value() const;

  private:
    RtpTimestamp last_{};
    int frames_ = 0;    // since then
    Duration taken_{};  // smoothed, both
    Duration interval_{};
};

// The gaps between frames that are shown, and which of them a viewer takes for a freeze.
class FrameGaps {
  public:
    void shown(Instant now);
    std::optional<Instant> last() const { return last_; }
    void add_to(ReceiveStats& stats) const;

  private:
    Duration mean() const;

    static constexpr std::size_t remembered = 30;  // freezeCount
    std::array<Duration, remembered> gaps_{};
    std::size_t count_ = 0;  // of gaps
    std::optional<Instant> last_;
    Seconds total_{};
    double total_squared_ = 0;  // s²
    std::uint64_t freezes_ = 0;
    Seconds frozen_{};
    std::uint64_t pauses_ = 0;
    Seconds paused_{};
};

}  // namespace sotto::call
