// When the packets of a frame came in: what the statistics are reckoned from, and a trace's stages of the last one.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <type_traits>

#include "call/trace_log.h"

namespace sotto::call {

// A packet on its way from the network into a jitter buffer.
struct Arrival {
    Instant received{};
    Instant unprotected{};
    Instant repaired{};  // zero if it came by itself
    Instant assembled{};
};

// A few frames back; others are forgotten.
class ArrivalStamps {
  public:
    void note(std::uint32_t timestamp, const Arrival& arrival) {
        Stamps& stamps = slots_[slot(timestamp)];
        if (stamps.packets == 0 || stamps.timestamp != timestamp) {
            stamps = {.timestamp = timestamp, .first = arrival.received};
        }
        stamps.received = arrival.received;
        stamps.passed.note(arrival);
        ++stamps.packets;
    }
    void copy_to(FrameTrace& trace) const {
        const Stamps* const stamps = find(trace.timestamp);
        if (stamps != nullptr) stamps->passed.copy_to(trace, stamps->received);
    }

    // What a trace alone needs, as nanoseconds after `received`: four seconds at most, and small.
    struct Passed {
        std::uint32_t unprotected = 0;
        std::uint32_t repaired = 0;  // 0: did not
        std::uint32_t assembled = 0;

        void note(const Arrival& arrival) {
            const auto since = [&](Instant at) {
                return static_cast<std::uint32_t>(std::clamp<std::int64_t>((at - arrival.received).count(), 0, ~0U));
            };
            unprotected = since(arrival.unprotected);
            repaired = arrival.repaired == Instant{} ? 0 : std::max(since(arrival.repaired), 1U);
            assembled = since(arrival.assembled);
        }
        void copy_to(FrameTrace& trace, Instant received) const {
            trace[Stage::received] = received;
            trace[Stage::unprotect] = received + Duration(unprotected);
            if (repaired > 0) trace[Stage::repaired] = received + Duration(repaired);
            trace[Stage::assembled] = received + Duration(assembled);
        }
    };
    struct Untraced {
        void note(const Arrival&) {}
        void copy_to(FrameTrace&, Instant) const {}
    };
    struct Stamps {
        std::uint32_t timestamp = 0;
        std::uint32_t packets = 0;
        Instant first{};     // when the first packet came in
        Instant received{};  // and the last
        [[no_unique_address]] std::conditional_t<tracing, Passed, Untraced> passed{};
    };
    const Stamps* find(std::uint32_t timestamp) const {
        const Stamps& stamps = slots_[slot(timestamp)];
        return stamps.packets > 0 && stamps.timestamp == timestamp ? &stamps : nullptr;
    }

  private:
    // Fibonacci hashing spreads the regular steps of RTP time stamps (Knuth, TAOCP 3, §6.4).
    static std::size_t slot(std::uint32_t timestamp) { return (timestamp * 2654435769U) >> 26; }
    std::array<Stamps, 64> slots_{};
};

}  // namespace sotto::call
