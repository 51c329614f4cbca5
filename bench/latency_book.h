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

// What calls of the library took, less decoding, and libsrtp2 of that.
struct Spent {
    Duration all{}, srtp{};

    Spent& operator+=(const Spent& more) {
        all += more.all;
        srtp += more.srtp;
        return *this;
    }
};

class LatencyBook {
  public:
    explicit LatencyBook(Medium medium) : medium_(medium) {}

    // A frame is given to the sender, which will name it in its trace: packets of the one before may still wait.
    void given(Instant captured, const Spent& spent) { given_[givens_++ % given_.size()] = {captured, spent}; }
    // By a call of the library about this frame.
    void spent(std::uint32_t timestamp, Part part, const Spent& more);
    // A picture was smaller than it was captured.
    void smaller(std::uint32_t timestamp) { record(timestamp).whole_size = false; }
    void took(const FrameTrace& trace, std::vector<LatencySample>& samples, Instant start, Instant counts_from);

  private:
    struct Record {
        std::uint32_t timestamp = 0;
        std::array<Spent, part_names.size()> spent{};
        FrameTrace trace{};
        bool sent = false, shown = false, whole_size = true;
    };
    Record& record(std::uint32_t timestamp);
    LatencySample sample(const Record& record, Instant start) const;

    Medium medium_;
    struct Given {
        Instant captured{};
        Spent spent{};
    };
    std::array<Given, 64> given_{};
    std::size_t givens_ = 0;
    std::array<Record, 512> records_{};
};

}  // namespace sotto::bench
