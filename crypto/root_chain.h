// The root chain: each step of the ratchet turns it once (Double Ratchet §2.2, §4.3), here by X25519 and ML-KEM-768.
#pragma once

#include "crypto/keys.h"
#include "crypto/primitives.h"

namespace sotto::crypto {

struct RootStep {
    RootKey root;
    ChainKey chain;
    HeaderKey next_header;  // of the chain that the sender of this step begins with its next one
};

// KDF_RK (docs/protocol.md, "Double Ratchet"): HKDF-SHA-512 with the root key as salt; 32 bytes each. `sender` and
// `receiver` are the X25519 ratchet keys that `dh` comes from. `kem` is null in the initiator's first step alone.
RootStep root_step(const RootKey& root, const DhSecret& dh, const Encapsulated* kem, const X25519Public& sender,
                   const X25519Public& receiver);

}  // namespace sotto::crypto
