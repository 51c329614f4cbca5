// Whether the way from the peer to us is clear, as its sound tells: then no queue there holds up what reports back, and
// feedback that stays away is the mark of an outage.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <optional>

#include "base/strong_integer.h"
#include "transport/congestion/windowed_minimum.h"
#include "transport/rtp_clock.h"

namespace sotto::transport {

class WayBack {
  public:
    // A packet of the peer's sound, which leaves it as soon as it was captured.
    void heard(RtpTimestamp timestamp, Instant now) {
        const auto ours = static_cast<std::uint32_t>(ticks(now.time_since_epoch(), audio_clock));
        const std::uint32_t transit = ours - timestamp.value;
        if (!first_) first_ = transit;
        // Of the two clocks' unknown distance, as far as the first packet; wraps with the time stamps.
        if (newest_) step_ = std::clamp<Duration>(later_than(timestamp), Duration{}, longest_step);
        timestamp_ = timestamp;
        const auto ticks_later = static_cast<std::int32_t>(transit - *first_);
        const Duration later = Duration(std::int64_t{ticks_later} * 1'000'000'000 / audio_clock);
        quickest_.add(now, later);
        late_ = later - *quickest_.over(std::chrono::seconds(8));
        newest_ = now;
    }
    // Any packet of the peer's, after heard().
    void came(std::size_t bytes, Instant now) {
        if (!newest_ || lateness(now) < late) {
            queued_since_.reset();
        } else if (!queued_since_) {
            queued_since_ = now;
            usual_ = std::accumulate(lately_.begin(), lately_.end(), 0.0) /
                     std::chrono::duration<double>(static_cast<std::int64_t>(lately_.size()) * part).count();
            queued_bits_ = 0;
        } else {
            queued_bits_ += 8 * static_cast<double>(bytes);
        }
        note_bits(8 * static_cast<double>(bytes), now);
        newest_of_all_ = now;
    }
    // Packets keep coming, but slower by half than before, with the sound ever later behind them: out of a queue before
    // a path that has become narrow. Who sends less is not late, and jitter that holds packets up lets them go at once.
    bool narrowed() const {
        if (!queued_since_ || newest_of_all_ - *queued_since_ < tells) return false;
        const double span = std::chrono::duration<double>(newest_of_all_ - *queued_since_).count();
        return queued_bits_ < 0.5 * usual_ * span;
    }
    double queued_rate() const {  // bit/s, once it has narrowed()
        return queued_bits_ / std::chrono::duration<double>(newest_of_all_ - *queued_since_).count();
    }
    bool clear(Instant now) const { return newest_ && now - *newest_ < patience && late_ < patience; }

  private:
    static constexpr Duration patience = std::chrono::milliseconds(40);
    static constexpr Duration late = std::chrono::milliseconds(30);
    static constexpr Duration tells = std::chrono::milliseconds(25);  // two packets, or what stands in several's way
    static constexpr Duration longest_step = std::chrono::milliseconds(60);  // of sound in a packet

    static constexpr Duration part = std::chrono::milliseconds(100);

    void note_bits(double bits, Instant now) {
        const std::int64_t number = now.time_since_epoch() / part;
        if (number - part_ >= std::ssize(lately_) || number < part_) lately_.fill(0), part_ = number;
        while (part_ < number) lately_[static_cast<std::size_t>(++part_) % lately_.size()] = 0;
        lately_[static_cast<std::size_t>(part_) % lately_.size()] += bits;
    }
    Duration later_than(RtpTimestamp timestamp) const {
        return Duration(std::int64_t{distance(timestamp_, timestamp)} * 1'000'000'000 / audio_clock);
    }
    // Of the newest sound, or of that which should have come after it.
    Duration lateness(Instant now) const { return std::max(late_, late_ + (now - *newest_ - step_)); }

    std::optional<std::uint32_t> first_;
    WindowedMinimum<Duration, 8> quickest_{std::chrono::seconds(1)};
    Duration late_{};  // the newest packet, beside the quickest
    std::optional<Instant> newest_;
    RtpTimestamp timestamp_{};         // its
    Duration step_{};                  // from the packet before it
    std::array<double, 10> lately_{};  // bits, by parts of the last second
    std::int64_t part_ = 0;            // the newest of them
    std::optional<Instant> queued_since_;
    double queued_bits_ = 0;  // since then
    double usual_ = 0;        // bit/s before it
    Instant newest_of_all_{};
};

}  // namespace sotto::transport
