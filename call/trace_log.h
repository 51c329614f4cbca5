// Latency traces in memory set aside once: what has finished, and when packets of unfinished frames came in.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "sotto/trace.h"

namespace sotto::call {

// The newest 128 finished traces; older ones are overwritten.
class TraceLog {
  public:
    explicit TraceLog(TraceClock clock) : clock_(clock) {}

    Instant stamp(Instant now) const { return clock_ != nullptr ? clock_() : now; }

    void push(const FrameTrace& trace) {
        if (end_ - first_ == traces_.size()) ++first_;
        traces_[end_++ % traces_.size()] = trace;
    }
    std::optional<FrameTrace> pop() {
        if (first_ == end_) return std::nullopt;
        return traces_[first_++ % traces_.size()];
    }

  private:
    TraceClock clock_;
    std::array<FrameTrace, 128> traces_{};
    std::size_t first_ = 0;
    std::size_t end_ = 0;
};

// When the last packet of a frame came in and was authentic. A few frames back; others are forgotten.
class ArrivalStamps {
  public:
    void note(std::uint32_t timestamp, Instant received, Instant unprotected) {
        slots_[slot(timestamp)] = {timestamp, received, unprotected};
    }
    void copy_to(FrameTrace& trace) const {
        const Stamps& stamps = slots_[slot(trace.timestamp)];
        if (stamps.timestamp != trace.timestamp) return;
        trace[Stage::received] = stamps.received;
        trace[Stage::unprotect] = stamps.unprotected;
    }

  private:
    struct Stamps {
        std::uint32_t timestamp = 0;
        Instant received{};
        Instant unprotected{};
    };
    // Fibonacci hashing spreads the regular steps of RTP time stamps (Knuth, TAOCP 3, §6.4).
    static std::size_t slot(std::uint32_t timestamp) { return (timestamp * 2654435769U) >> 26; }
    std::array<Stamps, 64> slots_{};
};

}  // namespace sotto::call
