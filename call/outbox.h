// What waits for its departure: numbers of packets that their streams keep, and repairs that are made when they leave.
// Sound and reports go at once, pictures and their repair at the pacer's rate.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/strong_integer.h"
#include "sotto/time.h"

namespace sotto::call {

// Wraps after 71 minutes, in half of the room: what is queued waits for milliseconds. Or when it may leave.
class QueuedAt {
  public:
    QueuedAt() = default;
    QueuedAt(Instant now) : us_(in_us(now)) {}
    // Less than nothing before.
    Duration until(Instant now) const { return std::chrono::microseconds(static_cast<std::int32_t>(in_us(now) - us_)); }

  private:
    static std::uint32_t in_us(Instant at) {
        return static_cast<std::uint32_t>(at.time_since_epoch() / std::chrono::microseconds(1));
    }
    std::uint32_t us_ = 0;
};

struct Departure {
    enum class Kind : std::uint8_t {
        audio,
        audio_again,  // waits for its moment, and for the pacer
        audio_report,
        video_report,
        video,
        retransmission,  // of the video packet with that number
        parity,          // over video packets up to that number
    };
    Kind kind = Kind::audio;
    std::uint8_t window = 0;  // parity: over how many packets
    SequenceNumber sequence{};
    QueuedAt queued{};
};

// A ring: when it is full the oldest leaves, and its kind is given back to be counted.
template <std::size_t capacity>
class DepartureQueue {
  public:
    std::optional<Departure> push(const Departure& departure) {
        std::optional<Departure> overrun;
        if (size() == capacity) overrun = pop();
        entries_[end_++ % capacity] = departure;
        return overrun;
    }
    std::optional<Departure> pop() {
        if (first_ == end_) return std::nullopt;
        return entries_[first_++ % capacity];
    }
    const Departure* front() const { return first_ == end_ ? nullptr : &entries_[first_ % capacity]; }
    std::size_t size() const { return end_ - first_; }

  private:
    std::array<Departure, capacity> entries_{};
    std::size_t first_ = 0;
    std::size_t end_ = 0;
};

class Outbox {
  public:
    void push(const Departure& departure) {
        using Kind = Departure::Kind;
        const auto overrun = departure.kind == Kind::audio_again      ? sound_again_.push(departure)
                             : departure.kind == Kind::retransmission ? retransmissions_.push(departure)
                             : departure.kind >= Kind::video          ? pictures_.push(departure)
                                                                      : urgent_.push(departure);
        if (overrun) count_overrun(*overrun);
    }
    // What leaves now. Sound and retransmissions come first among the paced: others already wait for them.
    std::optional<Departure> pop(bool pacer_allows, Instant now) {
        if (const auto departure = urgent_.pop()) return departure;
        if (!pacer_allows) return std::nullopt;
        if (again_in(now) <= Duration::zero()) return sound_again_.pop();
        if (const auto departure = retransmissions_.pop()) return departure;
        return pictures_.pop();
    }
    bool has_paced() const { return retransmissions_.size() + pictures_.size() > 0; }
    std::size_t paced() const { return retransmissions_.size() + pictures_.size(); }
    // Until sound may leave once more; the longest there is if none waits.
    Duration again_in(Instant now) const {
        const Departure* const next = sound_again_.front();
        return next == nullptr ? Duration::max() : -next->queued.until(now);
    }

    // Pictures that are not to be sent any more, and their repair.
    void leave_out_paced() { retransmissions_ = {}, pictures_ = {}; }

    void count_overrun(const Departure& left_out) {
        const bool audio = left_out.kind <= Departure::Kind::audio_report;
        ++(audio ? audio_overrun_ : video_overrun_);
    }
    std::uint64_t audio_overrun() const { return audio_overrun_; }
    std::uint64_t video_overrun() const { return video_overrun_; }

  private:
    DepartureQueue<64> urgent_;
    DepartureQueue<16> sound_again_;
    DepartureQueue<64> retransmissions_;
    DepartureQueue<256> pictures_;     // three of the largest frames
    std::uint64_t audio_overrun_ = 0;  // left out because the client did not take them
    std::uint64_t video_overrun_ = 0;
};

}  // namespace sotto::call
