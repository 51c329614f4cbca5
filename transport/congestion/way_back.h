// Whether the way from the peer to us is clear, as its sound tells: then no queue there holds up what reports back, and
// feedback that stays away is the mark of an outage.
#pragma once

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
        const auto ticks_later = static_cast<std::int32_t>(transit - *first_);
        const Duration later = Duration(std::int64_t{ticks_later} * 1'000'000'000 / audio_clock);
        quickest_.add(now, later);
        late_ = later - *quickest_.over(std::chrono::seconds(8));
        newest_ = now;
    }
    bool clear(Instant now) const { return newest_ && now - *newest_ < patience && late_ < patience; }

  private:
    static constexpr Duration patience = std::chrono::milliseconds(40);

    std::optional<std::uint32_t> first_;
    WindowedMinimum<Duration, 8> quickest_{std::chrono::seconds(1)};
    Duration late_{};  // the newest packet, beside the quickest
    std::optional<Instant> newest_;
};

}  // namespace sotto::transport
