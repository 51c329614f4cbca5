// One congestion control feedback packet (RFC 8888 §3.1): which packets of up to three streams arrived, and when.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/strong_integer.h"

namespace sotto::transport {

inline constexpr std::size_t max_feedback_streams = 3;  // sound, pictures and their repair
inline constexpr std::size_t max_packet_metrics = 256;  // of all streams together
inline constexpr std::size_t max_metrics_sent = 16384;  // RFC 8888 §3.1, for one stream
inline constexpr std::uint16_t offset_over_range = 0x1ffe;
inline constexpr std::uint16_t offset_unavailable = 0x1fff;

// A packet metric block as on the wire: R, ECN, arrival time offset.
struct PacketMetric {
    std::uint16_t value = 0;
    bool received() const { return (value & 0x8000) != 0; }
    // In 1/1024 s before the report; or one of the two special values above.
    std::uint16_t offset() const { return value & 0x1fff; }
    friend bool operator==(PacketMetric, PacketMetric) = default;
};

inline constexpr PacketMetric not_received{};
inline PacketMetric arrived_before(std::uint16_t offset) {
    return {static_cast<std::uint16_t>(0x8000 | (offset & 0x1fff))};
}

struct CongestionFeedback {
    struct Stream {
        Ssrc ssrc{};
        SequenceNumber first{};
        std::uint16_t start = 0;  // of its metrics in `metrics`: one for each number from `first` on
        std::uint16_t count = 0;
    };
    std::array<Stream, max_feedback_streams> stream_room{};
    std::size_t stream_count = 0;
    std::array<PacketMetric, max_packet_metrics> metric_room{};
    std::size_t metric_count = 0;
    std::uint32_t timestamp = 0;  // NtpTime::middle() of the report
    std::size_t left_out = 0;     // metrics beyond what this holds, that a peer sent

    std::span<const Stream> streams() const { return std::span(stream_room).first(stream_count); }
    std::span<const PacketMetric> metrics(const Stream& stream) const {
        return std::span(metric_room).subspan(stream.start, stream.count);
    }

    // What follows by add() belongs to this stream. False if there is no room for another.
    bool begin(Ssrc ssrc, SequenceNumber first) {
        if (stream_count == stream_room.size()) return false;
        stream_room[stream_count++] = {
            .ssrc = ssrc, .first = first, .start = static_cast<std::uint16_t>(metric_count), .count = 0};
        return true;
    }
    // The metric of the next number of the stream begun last. False if there is no room.
    bool add(PacketMetric metric) {
        if (metric_count == metric_room.size()) return false;
        metric_room[metric_count++] = metric;
        ++stream_room[stream_count - 1].count;
        return true;
    }
};

}  // namespace sotto::transport
