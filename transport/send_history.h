// Packets kept by number in memory allocated once, as they were before SRTP: what was sent, for its repair.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "base/strong_integer.h"
#include "sotto/bytes.h"
#include "sotto/time.h"
#include "transport/rtp.h"

namespace sotto::transport {

struct KeptPacket {
    RtpHeader header;
    Bytes payload{};  // views the history until the number's slot is prepared for another
};

// The last `capacity` packets of one stream. A payload is built in its slot.
class SendHistory {
  public:
    SendHistory(std::size_t capacity, std::size_t max_payload);

    // Room of max_payload bytes for the packet with this number; what was there before is forgotten.
    MutableBytes prepare(SequenceNumber sequence);
    // The payload in the room of header.sequence has `size` bytes.
    void commit(const RtpHeader& header, std::size_t size);
    // Nothing when it was never committed or is forgotten.
    std::optional<KeptPacket> find(SequenceNumber sequence) const;
    // For a NACK: like find(), but nothing when given for one less than `interval` ago (one repair per round trip).
    std::optional<KeptPacket> retransmit(SequenceNumber sequence, Instant now, Duration interval);

    std::size_t capacity() const { return slots_.size(); }
    std::size_t memory() const;  // bytes held

  private:
    struct Slot {
        bool used = false;
        std::uint16_t size = 0;
        RtpHeader header;
        Instant last_repair = Instant::min();
    };
    std::size_t place(SequenceNumber sequence) const { return sequence.value % slots_.size(); }

    std::size_t max_payload_;
    std::vector<Slot> slots_;
    std::vector<std::byte> bytes_;
};

}  // namespace sotto::transport
