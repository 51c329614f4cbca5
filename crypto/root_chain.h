// The root chain: each Diffie-Hellman step of the ratchet turns it once (Double Ratchet §2.2).
#pragma once

#include "crypto/keys.h"

namespace sotto::crypto {

struct RootStep {
    RootKey root;
    ChainKey chain;
};

// KDF_RK (§5.2): HKDF-SHA-512 with the root key as salt and the DH output as key material; 32 bytes each.
RootStep root_step(const RootKey& root, const DhSecret& dh);

}  // namespace sotto::crypto
