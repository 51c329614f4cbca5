// Whether the way from the peer to us is clear, as its sound tells: then no queue there holds up what reports back, and
// feedback that stays away is the mark of an outage. And whether it has just become narrow.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/strong_integer.h"
#include "transport/congestion/windowed_minimum.h"
#include "transport/rtp_clock.h"

namespace sotto::transport {

class WayBack {
  public:
    // A packet of the peer's sound until then, when it leaves: a longer one begins earlier.
    void heard(RtpTimestamp until, Instant now);
    // Any packet of the peer's, after heard().
    void came(std::size_t bytes, Instant now);

    // Packets keep coming, but slower by half than before, with the sound ever later behind them: out of a queue before
    // a path that has become narrow. Who sends less is not late, and jitter that holds packets up lets them go at once.
    bool narrowed() const;
    double queued_rate() const;  // bit/s, once it has narrowed()
    bool clear(Instant now) const { return newest_ && now - *newest_ < patience && late_ < patience; }
    // The newest sound came out of a queue, not after an outage.
    bool queued() const { return late_ >= patience; }

  private:
    static constexpr Duration patience = std::chrono::milliseconds(40);

    void note_bits(double bits, Instant now);
    double usual_rate() const;
    void follow_queue(double bits, Instant now);
    bool paced_with(double bits, Instant now) const;
    Duration lateness(Instant now) const;

    std::optional<std::uint32_t> first_;
    WindowedMinimum<Duration, 8> quickest_{std::chrono::seconds(1)};
    Duration late_{};  // the newest packet, beside the quickest
    std::optional<Instant> newest_;
    RtpTimestamp until_{};             // where its sound ends
    Duration step_{};                  // from the packet before it
    std::array<double, 10> lately_{};  // bits, by parts of the last second
    std::int64_t part_ = 0;            // the newest of them
    std::optional<Instant> queued_since_;
    double queued_bits_ = 0;  // since then
    double usual_ = 0;        // bit/s before it
    Instant newest_of_all_{}, before_it_{};
    double newest_bits_ = 0;  // of the newest of all
};

}  // namespace sotto::transport
