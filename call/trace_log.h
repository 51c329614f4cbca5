// Latency traces in memory set aside once: those of frames on their way through this side, and what has finished.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <type_traits>

#include "base/strong_integer.h"
#include "sotto/trace.h"

namespace sotto::call {

inline constexpr bool tracing = SOTTO_TRACE;  // the CMake option

// A ring: when it is full the oldest is overwritten.
template <class Entry, std::size_t capacity>
class TraceRing {
  public:
    void push(const Entry& entry) {
        if (end_ - first_ == capacity) ++first_;
        entries_[end_++ % capacity] = entry;
    }
    std::optional<Entry> pop() {
        if (first_ == end_) return std::nullopt;
        return entries_[first_++ % capacity];
    }
    std::size_t size() const { return end_ - first_; }
    // 0 is the oldest.
    Entry& operator[](std::size_t index) { return entries_[(first_ + index) % capacity]; }

  private:
    std::array<Entry, capacity> entries_{};
    std::size_t first_ = 0;
    std::size_t end_ = 0;
};

// What one side knows of a frame: its own stages, for half the memory.
class HalfTrace {
  public:
    HalfTrace() = default;
    // `first`: the side's first stage.
    HalfTrace(const FrameTrace& trace, Stage first)
        : medium_(trace.medium), first_(first), timestamp_(trace.timestamp), number_(trace.number) {
        const std::size_t from = static_cast<std::size_t>(first);
        std::copy_n(trace.at.begin() + static_cast<std::ptrdiff_t>(from), std::min(stages, stage_count - from),
                    at_.begin());
    }
    FrameTrace whole() const {
        FrameTrace trace{.medium = medium_, .timestamp = timestamp_, .number = number_};
        const std::size_t from = static_cast<std::size_t>(first_);
        std::copy_n(at_.begin(), std::min(stages, stage_count - from),
                    trace.at.begin() + static_cast<std::ptrdiff_t>(from));
        return trace;
    }
    // One of its side's stages.
    Instant& operator[](Stage stage) { return at_[static_cast<std::size_t>(stage) - static_cast<std::size_t>(first_)]; }
    bool is_receivers() const { return first_ == Stage::received; }

    bool is(Medium medium, std::uint32_t timestamp) const { return medium_ == medium && timestamp_ == timestamp; }

  private:
    static constexpr std::size_t senders = static_cast<std::size_t>(Stage::received);
    static constexpr std::size_t stages = std::max(senders, stage_count - senders);
    Medium medium_ = Medium::audio;
    Stage first_ = Stage::captured;
    std::uint32_t timestamp_ = 0;
    std::uint32_t number_ = 0;
    std::array<Instant, stages> at_{};
};

// The newest 128 finished traces; older ones are overwritten.
class RecordedTraces {
  public:
    explicit RecordedTraces(TraceClock clock) : clock_(clock) {}

    Instant stamp(Instant now) const { return codec_time(now); }
    // What the codecs take is counted even where no frame is traced.
    Instant codec_time(Instant now) const { return clock_ != nullptr ? clock_() : now; }

    // A frame whose packets are queued, up to the one with this number: its trace ends when that has left.
    void packetised(const FrameTrace& trace, SequenceNumber last) {
        if (trace.medium == Medium::audio) return audio_leaving_.push({HalfTrace(trace, Stage::captured), last});
        video_leaving_.push({HalfTrace(trace, Stage::captured), last});
    }
    // The packet with this number passes a stage; of a frame's last one it is the frame's.
    void leaves(Medium medium, SequenceNumber number, Stage stage, Instant now) {
        if (medium == Medium::audio) return leaves(audio_leaving_, number, stage, now);
        leaves(video_leaving_, number, stage, now);
    }

    // A frame that poll() will give: its trace ends then.
    void decoded(const FrameTrace& trace) {
        if (trace.medium == Medium::audio) return audio_showing_.push(HalfTrace(trace, Stage::received));
        video_showing_.push(HalfTrace(trace, Stage::received));
    }
    void shown(Medium medium, Instant now) {
        if (medium == Medium::audio) return shown(audio_showing_, now);
        shown(video_showing_, now);
    }
    // The client knows better when; no effect once it has taken the trace.
    void shown_at(Medium medium, std::uint32_t timestamp, Instant at) {
        for (std::size_t i = finished_.size(); i > 0; --i) {
            HalfTrace& trace = finished_[i - 1];
            if (!trace.is(medium, timestamp) || !trace.is_receivers()) continue;
            trace[Stage::shown] = at;
            return;
        }
    }
    std::optional<FrameTrace> pop() {
        const auto trace = finished_.pop();
        return trace ? std::optional(trace->whole()) : std::nullopt;
    }

  private:
    struct Leaving {
        HalfTrace trace;
        SequenceNumber last{};
    };
    template <std::size_t capacity>
    void leaves(TraceRing<Leaving, capacity>& leaving, SequenceNumber number, Stage stage, Instant now) {
        // What is older never left whole: its packets were forgotten.
        while (leaving.size() > 0 && distance(leaving[0].last, number) > 0) leaving.pop();
        if (leaving.size() == 0 || leaving[0].last != number) return;
        leaving[0].trace[stage] = stamp(now);
        if (stage == Stage::sent) finished_.push(leaving.pop()->trace);
    }
    template <std::size_t capacity>
    void shown(TraceRing<HalfTrace, capacity>& showing, Instant now) {
        if (showing.size() == 0) return;
        const Instant at = stamp(now);
        while (auto trace = showing.pop()) {
            (*trace)[Stage::shown] = at;
            finished_.push(*trace);
        }
    }

    TraceClock clock_;
    TraceRing<HalfTrace, 128> finished_;
    TraceRing<Leaving, 4> audio_leaving_;
    TraceRing<Leaving, 12> video_leaving_;   // what 100 ms of waiting hold, at 120 frames a second
    TraceRing<HalfTrace, 4> audio_showing_;  // decoded, and played together
    TraceRing<HalfTrace, 1> video_showing_;  // waits for its sound
};

// In their place where the library is built without traces: no clock but the codecs', no memory.
class NoTraces {
  public:
    explicit NoTraces(TraceClock clock) : clock_(clock) {}

    Instant stamp(Instant now) const { return now; }
    Instant codec_time(Instant now) const { return clock_ != nullptr ? clock_() : now; }
    void packetised(const FrameTrace&, SequenceNumber) {}
    void leaves(Medium, SequenceNumber, Stage, Instant) {}
    void decoded(const FrameTrace&) {}
    void shown(Medium, Instant) {}
    void shown_at(Medium, std::uint32_t, Instant) {}
    std::optional<FrameTrace> pop() { return std::nullopt; }

  private:
    TraceClock clock_;
};

using TraceLog = std::conditional_t<tracing, RecordedTraces, NoTraces>;

}  // namespace sotto::call
