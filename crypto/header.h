// What stands before a message's ciphertext. docs/protocol.md, "Messages".
#pragma once

#include <optional>

#include "crypto/keys.h"
#include "crypto/prekeys.h"
#include "sotto/bytes.h"

namespace sotto::crypto {

// PQXDH §3.3: what the responder needs to derive the shared key.
struct InitialHeader {
    PublicIdentity sender;
    X25519Public base_key;
    PrekeyId signed_prekey = 0;
    PrekeyId kem_prekey = 0;
    PrekeyId one_time = 0;  // 0: none
    KemCiphertext ciphertext;
};

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

inline constexpr std::size_t initial_header_size = 32 + 32 + 3 * 4 + 1088;
inline constexpr std::size_t ratchet_header_size = 32 + 4 + 4;

// Errors: truncated, malformed, too_large, unsupported_version.
Result<ParsedMessage> parse_message(Bytes message);
// Version, type and headers, with room for `sealed_size` bytes after them.
Buffer write_headers(const InitialHeader* initial, const RatchetHeader& ratchet, std::size_t sealed_size);

}  // namespace sotto::crypto
