// What stands before a message's ciphertext. docs/protocol.md, "Messages". The outside is read without any secret, the
// inside after its encryption was opened (Double Ratchet §4.2).
#pragma once

#include <algorithm>
#include <optional>

#include "crypto/initial_header.h"
#include "crypto/keys.h"
#include "crypto/primitives.h"
#include "sotto/bytes.h"

namespace sotto::crypto {

enum class MessageType : std::uint8_t {
    initial = 1,     // the initiator's first chain, until it is answered
    unanswered = 2,  // any other chain, until it is answered
    answered = 3,
};

// HEADER(dh_pair, pn, n) of Double Ratchet §3.1, and the KEM half of its step where the receiver may lack it. Views.
struct RatchetHeader {
    X25519Public key;
    std::uint32_t previous = 0;
    std::uint32_t number = 0;
    Bytes ciphertext;  // to the receiver's KEM key; empty but in MessageType::unanswered
    Bytes kem_key;     // the sender's; empty in MessageType::answered
};

constexpr std::size_t ratchet_header_size(MessageType type) {
    constexpr std::size_t plain = 32 + 4 + 4;
    switch (type) {
        case MessageType::initial: return plain + sizeof(KemPublic);
        case MessageType::unanswered: return plain + sizeof(KemCiphertext) + sizeof(KemPublic);
        case MessageType::answered: break;
    }
    return plain;
}
inline constexpr std::size_t longest_ratchet_header = ratchet_header_size(MessageType::unanswered);

// Everything before the ciphertext: version, type, initial header, encrypted header.
constexpr std::size_t front_size(MessageType type) {
    const std::size_t initial = type == MessageType::initial ? initial_header_size : 0;
    return 2 + initial + ratchet_header_size(type) + header_overhead;
}
inline constexpr std::size_t longest_front =
    std::max(front_size(MessageType::initial), front_size(MessageType::unanswered));

// The outside of a message. Views.
struct ParsedMessage {
    MessageType type{};
    std::optional<InitialHeader> initial;
    Bytes front;   // every byte before the ciphertext: authenticated with it
    Bytes header;  // the end of `front`: the encrypted header; what stands before is authenticated with it
    Bytes sealed;  // ciphertext and tag
};

// Errors: truncated, malformed, too_large, unsupported_version.
Result<ParsedMessage> parse_message(Bytes message);
// Version, type and initial header, at the start of `message`; gives what it wrote.
Bytes write_outside(MessageType type, const InitialHeader* initial, MutableBytes message);

// `plain` has the size of its type's header. Error::malformed for a number that no message has.
Result<RatchetHeader> parse_header(MessageType type, Bytes plain);
Bytes write_header(const RatchetHeader& header, MutableBytes plain);

}  // namespace sotto::crypto
