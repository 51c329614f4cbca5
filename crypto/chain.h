// Sending and receiving chains: one key per message, each derived from the one before and wiped (Double Ratchet §2.2).
#pragma once

#include <cstdint>
#include <vector>

#include "crypto/keys.h"
#include "crypto/locked.h"
#include "sotto/error.h"

namespace sotto::crypto {

// What one message number yields: a key that seals it, and a secret that both ends may export.
struct MessageKeys {
    MessageKey key;
    ExportSecret exported;
    MessageKeys duplicate() const { return {key.duplicate(), exported.duplicate()}; }
};

// KDF_CK (§2.2): ChaCha20's key stream under CK is next CK || message key || export secret. Why not §5.2's HMAC:
// docs/decisions/0007-chacha20-chain.md. The keys of this place,
MessageKeys message_keys(const ChainKey& chain);
// the next place,
void advance(ChainKey& chain);
// and both.
MessageKeys step_chain(ChainKey& chain);

inline constexpr std::uint32_t last_message = 0xffffffff;  // a number that no message carries

struct SendingChain {
    HeaderKey header;  // HKs
    ChainKey chain;    // CKs
    std::uint32_t next = 0;

    // Error::key_exhausted at last_message.
    Result<MessageKeys> step();
};

// A message key kept for a message that was overtaken.
struct SkippedKey {
    std::uint32_t number = 0;
    MessageKeys keys;
};

// The part of MKSKIPPED (Double Ratchet §4.2) that one chain left, in ascending order.
using SkippedKeys = std::vector<SkippedKey, LockedAllocator<SkippedKey>>;
SkippedKeys::iterator find(SkippedKeys& skipped, std::uint32_t number);

struct ReceivingChain {
    HeaderKey header;  // HKr
    ChainKey chain;    // CKr
    std::uint32_t next = 0;
    SkippedKeys skipped;

    // The keys of `number`, which is still to come. Nothing moves, and no other key is derived, until the message has
    // authenticated.
    MessageKeys keys_at(std::uint32_t number) const;
    // Steps to `end`, keeping each key passed.
    void skip_to(std::uint32_t end);
    // Steps to just after `number`, whose own keys were used.
    void step_past(std::uint32_t number);
};

// What stays of a chain that the peer has ended.
struct PastChain {
    HeaderKey header;  // tells a repetition from a forgery
    SkippedKeys skipped;
};

}  // namespace sotto::crypto
