// What stands before a message's ciphertext. docs/protocol.md, "Messages".
#pragma once

#include <optional>

#include "crypto/initial_header.h"
#include "crypto/keys.h"
#include "sotto/bytes.h"

namespace sotto::crypto {

// Double Ratchet §3.1: HEADER(dh_pair, pn, n).
struct RatchetHeader {
    X25519Public key;
    std::uint32_t previous = 0;
    std::uint32_t number = 0;
};

struct ParsedMessage {
    std::optional<InitialHeader> initial;
    RatchetHeader ratchet;
    Bytes header;  // every byte before the ciphertext: authenticated with it
    Bytes sealed;  // ciphertext and tag
};

inline constexpr std::size_t ratchet_header_size = 32 + 4 + 4;

// Errors: truncated, malformed, too_large, unsupported_version.
Result<ParsedMessage> parse_message(Bytes message);
// Version, type and headers, with room for `sealed_size` bytes after them.
Buffer write_headers(const InitialHeader* initial, const RatchetHeader& ratchet, std::size_t sealed_size);

}  // namespace sotto::crypto
