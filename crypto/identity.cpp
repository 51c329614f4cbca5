#include "crypto/identity.h"

#include <sodium.h>

#include "crypto/primitives.h"
#include "crypto/raw.h"

namespace sotto::crypto {
Identity Identity::generate(Random& random) {
    IdentitySeed seed;
    random.fill(seed.fill());
    return from_seed(seed);
}

Identity Identity::from_seed(const IdentitySeed& seed) {
    prepare_primitives();
    Identity identity;
    identity.seed_ = seed.duplicate();
    crypto_sign_seed_keypair(raw(identity.public_.key.data()), raw(identity.signing_.fill().data()),
                             raw(seed.reveal().data()));
    // A key of our own always converts.
    static_cast<void>(crypto_sign_ed25519_sk_to_curve25519(raw(identity.agreement_.fill().data()),
                                                           raw(identity.signing_.reveal().data())));
    return identity;
}

Signature Identity::sign(Bytes message) const {
    Signature signature;
    crypto_sign_detached(raw(signature.data()), nullptr, raw(message.data()), message.size(),
                         raw(signing_.reveal().data()));
    return signature;
}

Result<DhSecret> Identity::agree(const X25519Public& theirs) const { return crypto::agree(agreement_, theirs); }

Result<X25519Public> agreement_key(const PublicIdentity& identity) {
    X25519Public key;
    if (crypto_sign_ed25519_pk_to_curve25519(raw(key.bytes.data()), raw(identity.key.data())) != 0) {
        return Failure(Error::bad_key);
    }
    return key;
}

Result<void> verify(const PublicIdentity& signer, Bytes message, const Signature& signature) {
    if (crypto_sign_verify_detached(raw(signature.data()), raw(message.data()), message.size(),
                                    raw(signer.key.data())) != 0) {
        return Failure(Error::bad_signature);
    }
    return {};
}

}  // namespace sotto::crypto
