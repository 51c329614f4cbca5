// Sequence numbers without wrap-around.
#pragma once

#include <cstdint>
#include <optional>

#include "base/strong_integer.h"

namespace sotto::transport {

// Extends a counter on a circle to 64 bits by the shorter way from the newest one seen (RFC 3550 §A.1, RFC 3711
// §3.3.1). The first value maps to itself plus one full circle, so that earlier packets stay positive.
template <class SerialNumber>
class Unwrapper {
  public:
    using Value = typename SerialNumber::Value;

    std::int64_t unwrap(SerialNumber number) {
        const std::int64_t extended = peek(number);
        if (!newest_ || extended > *newest_) newest_ = extended;
        return extended;
    }

    // The same without moving on: for packets that are not yet authenticated.
    std::int64_t peek(SerialNumber number) const {
        if (!newest_) return (std::int64_t{1} << (8 * sizeof(Value))) + number.value;
        const SerialNumber last{static_cast<Value>(*newest_)};
        return *newest_ + distance(last, number);
    }

  private:
    std::optional<std::int64_t> newest_;
};

using SequenceUnwrapper = Unwrapper<SequenceNumber>;
using TimestampUnwrapper = Unwrapper<RtpTimestamp>;

}  // namespace sotto::transport
