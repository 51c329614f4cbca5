// The datagrams waiting for the client to take them. Entries name packets that stay in their stream's history.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "transport/send_history.h"

namespace sotto::call {

class Outbox {
  public:
    // The packet with this number in `history`; both arguments must not move while it is queued here. `overrun` counts
    // it if the client does not take it in time.
    void push(const transport::SendHistory& history, SequenceNumber sequence, std::uint64_t& overrun) {
        if (size() == entries_.size()) {
            ++*entries_[first_++ % entries_.size()].overrun;
        }
        entries_[end_++ % entries_.size()] = {&history, sequence, &overrun};
    }

    // The next datagram; those whose slot was overwritten meanwhile are counted and left out.
    std::optional<Bytes> pop() {
        while (first_ != end_) {
            const Entry entry = entries_[first_++ % entries_.size()];
            const Bytes packet = entry.history->find(entry.sequence);
            if (!packet.empty()) return packet;
            ++*entry.overrun;
        }
        return std::nullopt;
    }

    std::size_t size() const { return end_ - first_; }

  private:
    struct Entry {
        const transport::SendHistory* history = nullptr;
        SequenceNumber sequence{};
        std::uint64_t* overrun = nullptr;
    };
    std::array<Entry, 256> entries_{};  // three of the largest frames
    std::size_t first_ = 0;
    std::size_t end_ = 0;
};

}  // namespace sotto::call
