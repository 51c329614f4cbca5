// The payload of a retransmission (RFC 4588 §4): which packet it was, then that one's payload.
#pragma once

#include "base/strong_integer.h"
#include "sotto/bytes.h"
#include "sotto/error.h"

namespace sotto::transport {

inline constexpr std::size_t rtx_header_size = 2;

struct RtxPayload {
    SequenceNumber original{};
    Bytes payload{};  // of the original packet; may be empty
};

// Gives the size. Error::too_large if `out` is too short.
Result<std::size_t> write_rtx(SequenceNumber original, Bytes payload, MutableBytes out);

// Error: truncated.
Result<RtxPayload> parse_rtx(Bytes payload);

}  // namespace sotto::transport
