// What we sent and when, until the peer's congestion feedback (RFC 8888) tells what became of it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/strong_integer.h"
#include "sotto/time.h"
#include "transport/congestion/feedback.h"
#include "transport/congestion/packet_result.h"
#include "transport/sequence.h"

namespace sotto::transport {

// Follows our streams in memory of fixed size. Each packet is told of once at most: as arrived, or as lost when reports
// leave it out though later ones of its stream have come, in two reports or three packets, so that one that was only
// overtaken is not called lost.
class SentLog {
  public:
    // Packets of each stream, in the order of sound, pictures and repair: more than a round trip of any of them. Repair
    // is less than pictures.
    static constexpr std::array<std::size_t, max_feedback_streams> capacities{256, 512, 256};
    static constexpr std::size_t max_results = max_packet_metrics;    // of one report; further losses wait for the next
    static constexpr Duration memory_span = std::chrono::seconds(2);  // what nobody mentions by then is forgotten

    struct Counts {
        std::uint64_t arrived = 0;
        std::uint64_t lost = 0;
        std::uint64_t unreported = 0;  // forgotten without an answer
        std::uint64_t too_late = 0;    // arrived by a report, but were given up before
        std::uint64_t untimed = 0;     // arrived at a time that the report does not tell
        std::uint64_t impossible =
            0;  // arrivals of what was not sent, or before it was; arrivals taken back; unknown streams
        std::uint64_t clock_leaps = 0;
        std::uint64_t left_out = 0;  // metrics beyond what a report of ours holds
    };

    explicit SentLog(std::span<const Ssrc, max_feedback_streams> streams);

    // A packet leaves; `size`: bytes of the datagram. Numbers of a stream follow the order of sending.
    void sent(Ssrc ssrc, SequenceNumber sequence, std::size_t size, Instant now);
    // What the report adds to our knowledge, ascending by time sent; valid until the next call.
    std::span<const PacketResult> results(const CongestionFeedback& feedback, Instant now);
    // From the newest packet that the last report acknowledged, without the time for which the peer held the answer;
    // nothing when it acknowledged none.
    std::optional<Duration> round_trip() const { return round_trip_; }

    // When the first packet left that the last report missed, of which later ones tell if it is lost; `never` if there
    // is none.
    Instant undecided() const { return undecided_; }

    // Forgets what was sent too long ago; the other functions do it themselves.
    void expire(Instant now);
    std::size_t bytes_in_flight() const { return in_flight_; }  // neither told of nor forgotten
    const Counts& counts() const { return counts_; }
    std::size_t memory() const;  // bytes held

  private:
    enum class State : std::uint8_t { in_flight, arrived, untimed, lost, forgotten };
    struct Slot {
        Instant sent{};
        Duration arrived{};
        std::uint32_t number = 0;  // low bits of the extended one: its slot is taken by others long before they return
        std::uint16_t size = 0;    // 0: none
        State state = State::forgotten;
        std::uint8_t missed = 0;  // reports that left it out
    };
    static_assert(sizeof(Slot) == 24);
    struct Stream {
        Ssrc ssrc{};
        SequenceUnwrapper unwrapper;
        std::int64_t oldest = 0;   // nothing before is in flight
        std::int64_t end = 0;      // one past the newest; 0: nothing was sent
        std::int64_t reached = 0;  // the newest that arrived
        std::vector<Slot> slots;   // by number
        std::int64_t window() const { return static_cast<std::int64_t>(slots.size()); }  // of numbers
        Slot& slot(std::int64_t number) { return slots[static_cast<std::size_t>(number) % slots.size()]; }
        Slot* find(std::int64_t number);
    };
    struct ReportTime {
        Duration at{};           // on the peer's time line
        bool overtaken = false;  // by a later report
    };

    Stream* find(Ssrc ssrc);
    ReportTime report_time(std::uint32_t timestamp, Instant now);
    void take(Stream& stream, const CongestionFeedback::Stream& told, std::span<const PacketMetric> metrics,
              const ReportTime& report, Instant now);
    void take_arrival(Stream& stream, std::int64_t number, PacketMetric metric, const ReportTime& report, Instant now);
    void take_missing(Stream& stream, std::int64_t number);
    void judge_missing(Stream& stream);
    void leave_flight(Slot& slot, State state);
    void forget(Stream& stream, std::int64_t number);
    void add_result(const Stream& stream, const Slot& slot, std::optional<Duration> arrived);

    std::array<Stream, max_feedback_streams> streams_;
    std::vector<PacketResult> results_;
    std::size_t result_count_ = 0;
    std::size_t in_flight_ = 0;
    Instant last_sent_ = Instant::min();
    Duration at_once_{};  // what is added to it for the packets that left after the first of that instant
    std::optional<Instant> newest_acknowledged_;  // sent, by this report
    std::optional<Duration> round_trip_;
    Instant undecided_ = never;
    Counts counts_;

    struct LastReport {
        std::uint32_t timestamp = 0;
        Duration at{};
        Instant received{};
    };
    std::optional<LastReport> last_report_;
};

}  // namespace sotto::transport
