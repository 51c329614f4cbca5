// Ed25519 (RFC 8032): what identities and devices sign with.
#pragma once

#include "crypto/keys.h"
#include "sotto/error.h"
#include "sotto/identity.h"

namespace sotto::crypto {

class SigningKey {
  public:
    // RFC 8032 §5.1.5.
    explicit SigningKey(std::span<const std::byte, 32> seed);

    const std::array<std::byte, 32>& public_key() const { return public_; }
    // Over `message` (§5.1.6). Callers prefix a label from crypto/labels.h.
    Signature sign(Bytes message) const;
    // The same key's X25519 form: the clamped first half of SHA-512(seed).
    X25519Private agreement() const;

  private:
    Secret<struct SigningKeyRole, 64> secret_;
    std::array<std::byte, 32> public_;
};

// Error::bad_signature unless `signature` is by `signer` over `message`.
Result<void> verify(const PublicIdentity& signer, Bytes message, const Signature& signature);
Result<void> verify(const DeviceKey& signer, Bytes message, const Signature& signature);

// Error::bad_key for a key that is not canonical, off the curve, of low order, or outside the prime-order subgroup.
Result<void> check_key(const PublicIdentity& identity);
Result<void> check_key(const DeviceKey& device);

}  // namespace sotto::crypto
