// The RTP payload format for Opus (RFC 7587): one Opus packet is one payload. Here it is only checked and measured.
#pragma once

#include "sotto/bytes.h"
#include "sotto/error.h"
#include "sotto/time.h"

namespace sotto::transport {

struct OpusPayload {
    Bytes packet;
    bool stereo = false;       // coded channels, TOC (RFC 6716 §3.1)
    std::uint32_t frames = 0;  // samples per channel at 48 kHz: the RTP timestamp's advance (RFC 7587 §4.2)
};

// Checks the TOC and frame counts of RFC 6716 §3.2. Errors: truncated (empty), malformed, too_large (over 120 ms).
Result<OpusPayload> parse_opus(Bytes payload);

}  // namespace sotto::transport
