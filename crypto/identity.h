// Our own long-term identity: an Ed25519 key pair for signatures and its X25519 form for Diffie-Hellman.
#pragma once

#include "crypto/keys.h"
#include "sotto/identity.h"
#include "sotto/random.h"

namespace sotto::crypto {

using IdentitySeed = Secret<struct IdentitySeedRole, 32>;  // RFC 8032 §5.1.5 private key

class Identity {
  public:
    static Identity generate(Random& random);
    static Identity from_seed(const IdentitySeed& seed);

    const PublicIdentity& public_identity() const { return public_; }
    // Ed25519 over `message` (RFC 8032 §5.1.6). Callers prefix a label from crypto/labels.h.
    Signature sign(Bytes message) const;
    // X25519 of our identity in Montgomery form with `theirs`; Error::bad_key if the result is all zero (RFC 7748
    // §6.1).
    Result<DhSecret> agree(const X25519Public& theirs) const;
    // For the client to keep; from_seed() restores the identity.
    const IdentitySeed& seed() const { return seed_; }

  private:
    Identity() = default;
    IdentitySeed seed_;
    Secret<struct SigningKeyRole, 64> signing_;
    X25519Private agreement_;
    PublicIdentity public_;
};

// The X25519 form of an Ed25519 identity; Error::bad_key for a point that is off the curve or of low order.
Result<X25519Public> agreement_key(const PublicIdentity& identity);

// Error::bad_signature unless `signature` is by `signer` over `message`.
Result<void> verify(const PublicIdentity& signer, Bytes message, const Signature& signature);

}  // namespace sotto::crypto
