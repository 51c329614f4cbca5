// Which packets to ask for again, and when (RFC 4585 §6.2.1).
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "base/strong_integer.h"
#include "sotto/time.h"
#include "transport/rtcp.h"

namespace sotto::transport {

// Follows one stream's sequence numbers. A packet is asked for when a later one has come and it still has not after a
// wait (it may only have been overtaken), again each round trip, at most max_tries times; fixed memory, oldest gaps
// given up first.
class NackTracker {
  public:
    static constexpr int max_tries = 10;

    // `extended`: an unwrapped sequence number of an authentic packet; `wait`: before what it shows missing is asked
    // for.
    void received(std::int64_t extended, Instant now, Duration wait);
    // Packets before this one are no longer wanted (decoded or skipped).
    void forget_before(std::int64_t extended);

    // The numbers to ask for now, ascending. Fills `out` and gives how many.
    std::size_t due(Instant now, Duration round_trip, std::span<SequenceNumber, max_nacks> out);
    // When due() next has something to give; `never` when nothing is missing.
    Instant deadline() const;

    std::size_t missing() const { return count_; }
    std::uint64_t given_up() const { return given_up_; }

  private:
    struct Missing {
        std::int64_t number = 0;
        Instant due{};  // when to ask (again)
        int tries = 0;
    };
    std::array<Missing, 256> gaps_{};  // ascending by number
    std::size_t count_ = 0;
    std::int64_t highest_ = -1;
    std::uint64_t given_up_ = 0;
};

}  // namespace sotto::transport
