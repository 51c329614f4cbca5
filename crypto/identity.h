// Our own long-term identity: an Ed25519 key pair that says which devices are ours (docs/protocol.md, section 2).
#pragma once

#include "crypto/signing.h"
#include "sotto/random.h"

namespace sotto::crypto {

using IdentitySeed = Secret<struct IdentitySeedRole, 32>;  // RFC 8032 §5.1.5 private key

class Identity {
  public:
    static Identity generate(Random& random);
    static Identity from_seed(const IdentitySeed& seed) { return Identity(seed); }

    const PublicIdentity& public_identity() const { return public_; }
    Signature sign(Bytes message) const { return key_.sign(message); }
    // For the client to keep; from_seed() restores the identity.
    const IdentitySeed& seed() const { return seed_; }

  private:
    explicit Identity(const IdentitySeed& seed);

    IdentitySeed seed_;
    SigningKey key_;
    PublicIdentity public_;
};

}  // namespace sotto::crypto
