// Prekeys (PQXDH, Signal, revision 3, §3.2): what a responder publishes so that anybody can start a session with it.
#pragma once

#include <map>
#include <optional>

#include "crypto/identity.h"
#include "crypto/keys.h"

namespace sotto::crypto {

struct SignedPrekey {
    PrekeyId id = 0;
    X25519Public key;
    Signature signature{};
};
struct KemPrekey {
    PrekeyId id = 0;
    KemPublic key;
    Signature signature{};
};
struct OneTimePrekey {
    PrekeyId id = 0;
    X25519Public key;
};

// Public, fetched from a directory that nobody has to trust beyond availability.
struct PrekeyBundle {
    PublicIdentity identity;
    SignedPrekey signed_prekey;
    KemPrekey kem_prekey;
    std::optional<OneTimePrekey> one_time;
};

// The byte layout is docs/protocol.md, "Prekey bundle".
Buffer encode(const PrekeyBundle& bundle);
// Errors: truncated, malformed (trailing bytes, id 0), unsupported_version. Signatures are checked by check().
Result<PrekeyBundle> parse_bundle(Bytes bytes);
// Errors: bad_signature, bad_key.
Result<void> check(const PrekeyBundle& bundle);

// The secret halves, at the responder.
class PrekeyStore {
  public:
    // One signed prekey, one ML-KEM prekey and `one_time` one-time prekeys.
    static PrekeyStore generate(const Identity& identity, std::size_t one_time, Random& random);

    // A bundle for one initiator. Hands each one-time prekey out once, in order; without one when they are used up.
    PrekeyBundle publish();
    std::size_t one_time_left() const { return unpublished_.size(); }

    // Null for an id that is unknown or spent.
    const X25519KeyPair* signed_prekey(PrekeyId id) const;
    const KemKeyPair* kem_prekey(PrekeyId id) const;
    const X25519KeyPair* one_time(PrekeyId id) const;
    // A one-time prekey is wiped once a message sealed to it has been opened.
    void spend_one_time(PrekeyId id);

  private:
    PublicIdentity identity_;
    SignedPrekey signed_public_;
    KemPrekey kem_public_;
    X25519KeyPair signed_;
    KemKeyPair kem_;
    std::map<PrekeyId, X25519KeyPair> one_time_;
    std::vector<PrekeyId> unpublished_;
};

}  // namespace sotto::crypto
