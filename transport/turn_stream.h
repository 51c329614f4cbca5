// Where one message ends and the next begins on a connection to a relay (RFC 8656 §12.5, RFC 8489 §6.2.2).
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

#include "sotto/bytes.h"

namespace sotto::transport {

class TurnStream {
  public:
    // The next bytes, however they were cut.
    void take(Bytes bytes) {
        while (!bytes.empty()) {
            if (rest_ == 0) {
                head_[held_++] = bytes.front();
                bytes = bytes.subspan(1);
                if (held_ == head_.size()) rest_ = rest_of_message();
                if (held_ == head_.size()) held_ = 0;
            } else {
                const std::size_t taken = std::min(rest_, bytes.size());
                rest_ -= taken;
                bytes = bytes.subspan(taken);
            }
        }
    }
    // All that was taken are whole messages.
    bool between() const { return rest_ == 0 && held_ == 0; }

  private:
    std::size_t rest_of_message() const {
        const std::size_t size = std::to_integer<std::size_t>(head_[2]) << 8 | std::to_integer<std::size_t>(head_[3]);
        const bool is_stun = (head_[0] & std::byte{0xc0}) == std::byte{0};
        return is_stun ? 16 + size : (size + 3) / 4 * 4;  // a STUN header has 20 bytes; channel data are padded
    }

    std::array<std::byte, 4> head_{};
    std::size_t held_ = 0;
    std::size_t rest_ = 0;  // of the message whose head was read
};

}  // namespace sotto::transport
