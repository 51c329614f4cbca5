#include "crypto/signing.h"

#include <sodium.h>

#include "crypto/primitives.h"
#include "crypto/raw.h"

namespace sotto::crypto {
namespace {

using Ed25519Public = std::array<std::byte, 32>;

Result<void> verify_by(const Ed25519Public& signer, Bytes message, const Signature& signature) {
    if (crypto_sign_verify_detached(raw(signature.data()), raw(message.data()), message.size(), raw(signer.data())) !=
        0) {
        return Failure(Error::bad_signature);
    }
    return {};
}

Result<void> check_point(const Ed25519Public& key) {
    if (crypto_core_ed25519_is_valid_point(raw(key.data())) != 1) return Failure(Error::bad_key);
    return {};
}

}  // namespace

SigningKey::SigningKey(std::span<const std::byte, 32> seed) {
    prepare_primitives();
    crypto_sign_seed_keypair(raw(public_.data()), raw(secret_.fill().data()), raw(seed.data()));
}

Signature SigningKey::sign(Bytes message) const {
    Signature signature;
    crypto_sign_detached(raw(signature.data()), nullptr, raw(message.data()), message.size(),
                         raw(secret_.reveal().data()));
    return signature;
}

X25519Private SigningKey::agreement() const {
    X25519Private key;
    // A key of our own always converts.
    static_cast<void>(crypto_sign_ed25519_sk_to_curve25519(raw(key.fill().data()), raw(secret_.reveal().data())));
    return key;
}

Result<void> verify(const PublicIdentity& signer, Bytes message, const Signature& signature) {
    return verify_by(signer.key, message, signature);
}
Result<void> verify(const DeviceKey& signer, Bytes message, const Signature& signature) {
    return verify_by(signer.key, message, signature);
}

Result<void> check_key(const PublicIdentity& identity) { return check_point(identity.key); }
Result<void> check_key(const DeviceKey& device) { return check_point(device.key); }

}  // namespace sotto::crypto
