// Sequence numbers without wrap-around.
#pragma once

#include <cstdint>
#include <optional>

#include "base/strong_integer.h"

namespace sotto::transport {

// Extends sequence numbers to 64 bits by the shorter way from the newest one seen (RFC 3550 §A.1, RFC 3711 §3.3.1). The
// first value maps to itself plus one full circle, so that earlier packets stay positive.
class SequenceUnwrapper {
  public:
    std::int64_t unwrap(SequenceNumber number) {
        const std::int64_t extended = peek(number);
        if (!newest_ || extended > *newest_) newest_ = extended;
        return extended;
    }

    // The same without moving on: for packets that are not yet authenticated.
    std::int64_t peek(SequenceNumber number) const {
        if (!newest_) return (std::int64_t{1} << 16) + number.value;
        return *newest_ + distance(SequenceNumber{static_cast<std::uint16_t>(*newest_)}, number);
    }

    std::optional<std::int64_t> newest() const { return newest_; }

  private:
    std::optional<std::int64_t> newest_;
};

}  // namespace sotto::transport
