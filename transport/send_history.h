// Packets kept by number in memory allocated once: what was sent, for retransmission.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "base/strong_integer.h"
#include "sotto/bytes.h"
#include "sotto/time.h"
#include "transport/rtp.h"

namespace sotto::transport {

// The last `capacity` protected packets of one stream. A packet is built in its slot, so history costs no copy.
class SendHistory {
  public:
    explicit SendHistory(std::size_t capacity);  // rounded up to a power of two

    // Room of max_datagram bytes for the packet with this number; what was there before is forgotten.
    MutableBytes prepare(SequenceNumber sequence);
    // The packet in prepare()'s room is `length` bytes long.
    void commit(SequenceNumber sequence, std::size_t length);
    // The packet as sent, or empty when it was never sent or is forgotten.
    Bytes find(SequenceNumber sequence) const;
    // For a NACK: like find(), but empty when sent again less than `interval` ago (one repair per round trip).
    Bytes retransmit(SequenceNumber sequence, Instant now, Duration interval);

    std::size_t capacity() const { return slots_.size(); }
    std::size_t memory() const;  // bytes held

  private:
    struct Slot {
        bool used = false;
        SequenceNumber sequence{};
        std::uint16_t length = 0;
        Instant last_resend = Instant::min();
    };
    std::vector<Slot> slots_;
    std::vector<std::byte> bytes_;
};

}  // namespace sotto::transport
