// When the peer's packets arrived, for the congestion feedback that we send (RFC 8888).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/strong_integer.h"
#include "sotto/time.h"
#include "transport/congestion/feedback.h"
#include "transport/rtcp.h"
#include "transport/sequence.h"

namespace sotto::transport {

// Follows all streams of one sender in memory of fixed size. A report tells of what came since the last one and again
// of what that one told, so that a lost report loses nothing.
class ArrivalLog {
  public:
    static constexpr Duration shortest_interval = std::chrono::milliseconds(25);
    static constexpr Duration longest_interval = std::chrono::milliseconds(100);  // while packets come
    // After which the first packet is told of soon: the sender may have stopped for want of a report.
    static constexpr Duration silence = std::chrono::milliseconds(50);

    explicit ArrivalLog(std::span<const Ssrc, max_feedback_streams> streams);

    // An authentic RTP packet of `size` bytes (the datagram); packets of other streams are not followed.
    void received(Ssrc ssrc, SequenceNumber sequence, std::size_t size, Instant now);

    // At least so long between reports, where the way that they take is narrow.
    void set_least_interval(Duration interval) { least_interval_ = interval; }

    // When a report is worth its bytes; `never` when nothing came since the last.
    Instant deadline() const;
    bool due(Instant now) const { return deadline() <= now; }
    // What there is to report, which counts as reported. `timestamp`: `now` in the NTP time of our reports.
    void fill(CongestionFeedback& out, Instant now, NtpTime timestamp);

    std::size_t memory() const;  // bytes held

  private:
    struct Arrival {
        std::int64_t number = 0;  // extended; 0: none
        Instant at{};
    };
    struct Stream {
        Ssrc ssrc{};
        SequenceUnwrapper unwrapper;
        std::int64_t told = 0;      // the first number that the last report told of
        std::int64_t untold = 0;    // the first that it did not
        std::int64_t end = 0;       // one past the highest received; 0: nothing was
        std::vector<Arrival> ring;  // by number
        std::size_t reportable() const { return static_cast<std::size_t>(end - told); }
        Arrival& slot(std::int64_t number);
    };
    // How many of its newest numbers each stream reports, so that they fit one report.
    std::array<std::size_t, max_feedback_streams> shares() const;
    std::size_t report_size() const;

    std::array<Stream, max_feedback_streams> streams_;
    std::size_t bytes_ = 0;  // received since the last report
    std::optional<Instant> last_report_;
    std::optional<Instant> first_untold_;  // arrival
    std::optional<Instant> newest_;        // arrival
    bool after_silence_ = false;           // something of what is untold
    Duration least_interval_{};
};

}  // namespace sotto::transport
