// What is known of each frame under way, by its RTP time stamp, which stands in clear in every packet.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "bench/latency_run.h"
#include "sotto/call.h"

namespace sotto::bench {

// The time stamp of a datagram that carries the medium itself: no report, no repair.
std::optional<std::uint32_t> media_timestamp(Bytes datagram, Medium medium);

class LatencyBook {
  public:
    explicit LatencyBook(Medium medium) : medium_(medium) {}

    // A frame is given to the sender; what its first packet and its trace tell belongs to it.
    void given(Duration spent) { sending_ = spent; }
    // A call of the library about this frame took so long, but for decoding.
    void spent(std::uint32_t timestamp, Duration time);
    void took(const FrameTrace& trace, std::vector<LatencySample>& samples, Instant start, Instant counts_from);

  private:
    struct Record {
        std::uint32_t timestamp = 0;
        Duration spent{};
        FrameTrace trace{};
        bool sent = false, shown = false;
    };
    Record& record(std::uint32_t timestamp);
    LatencySample sample(const Record& record, Instant start) const;

    Medium medium_;
    Duration sending_{};
    std::array<Record, 512> records_{};
};

}  // namespace sotto::bench
