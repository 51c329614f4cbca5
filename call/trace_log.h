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

// When the packets of a frame came in and the last one was authentic. A few frames back; others are forgotten.
class ArrivalStamps {
  public:
    void note(std::uint32_t timestamp, Instant received, Instant unprotected) {
        Stamps& stamps = slots_[slot(timestamp)];
        if (stamps.packets == 0 || stamps.timestamp != timestamp) stamps = {.timestamp = timestamp, .first = received};
        stamps.received = received;
        stamps.unprotected = unprotected;
        ++stamps.packets;
    }
    void copy_to(FrameTrace& trace) const {
        const Stamps* const stamps = find(trace.timestamp);
        if (stamps == nullptr) return;
        trace[Stage::received] = stamps->received;
        trace[Stage::unprotect] = stamps->unprotected;
    }

    struct Stamps {
        std::uint32_t timestamp = 0;
        std::uint32_t packets = 0;
        Instant first{};     // when the first packet came in
        Instant received{};  // and the last
        Instant unprotected{};
    };
    const Stamps* find(std::uint32_t timestamp) const {
        const Stamps& stamps = slots_[slot(timestamp)];
        return stamps.packets > 0 && stamps.timestamp == timestamp ? &stamps : nullptr;
    }

  private:
    // Fibonacci hashing spreads the regular steps of RTP time stamps (Knuth, TAOCP 3, §6.4).
    static std::size_t slot(std::uint32_t timestamp) { return (timestamp * 2654435769U) >> 26; }
    std::array<Stamps, 64> slots_{};
};

}  // namespace sotto::call
