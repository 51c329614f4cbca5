// Datagrams that came in between two turns of the client's loop, in room that is allocated once.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/copy_bytes.h"
#include "sotto/bytes.h"

namespace sotto::transport::net {

class DatagramQueue {
  public:
    static constexpr std::size_t slots = 128;
    static constexpr std::size_t slot_size = 2048;

    DatagramQueue() : room_(slots * slot_size), sizes_(slots) {}

    // What finds no room is lost, as a network would lose it, and counted.
    void push(Bytes datagram) {
        if (count_ == slots || datagram.size() > slot_size) {
            ++drops_;
            return;
        }
        const std::size_t slot = (first_ + count_++) % slots;
        sizes_[slot] = datagram.size();
        copy_bytes(datagram, std::span(room_).subspan(slot * slot_size));
    }
    // The oldest; the view is valid until the next push().
    std::optional<Bytes> pop() {
        if (count_ == 0) return std::nullopt;
        const std::size_t slot = first_;
        first_ = (first_ + 1) % slots;
        --count_;
        return Bytes(room_).subspan(slot * slot_size, sizes_[slot]);
    }
    std::uint64_t drops() const { return drops_; }

  private:
    Buffer room_;
    std::vector<std::size_t> sizes_;
    std::size_t first_ = 0;
    std::size_t count_ = 0;
    std::uint64_t drops_ = 0;
};

}  // namespace sotto::transport::net
