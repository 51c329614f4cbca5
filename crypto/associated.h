// What the two seals of a message authenticate: PQXDH's AD, then the bytes that stand before them.
#pragma once

#include <algorithm>
#include <array>

#include "crypto/header.h"
#include "crypto/pqxdh.h"

namespace sotto::crypto {

// Joined on the stack, once a message: the first seal's are the beginning of the second's.
class Associated {
  public:
    explicit Associated(const AssociatedData& bound) { add(bound); }

    // All that was added so far.
    Bytes add(Bytes more) {
        std::ranges::copy(more, bytes_.begin() + static_cast<std::ptrdiff_t>(used_));
        used_ += more.size();
        return Bytes(bytes_).first(used_);
    }

  private:
    std::array<std::byte, sizeof(AssociatedData) + longest_front> bytes_;
    std::size_t used_ = 0;
};

}  // namespace sotto::crypto
