// Prekeys (PQXDH, Signal, revision 3, §3.2): what a responder publishes so that anybody can start a session with it.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>

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

    // An initial message is accepted once: its base key EK_A is remembered while these prekeys live.
    // Errors: replayed, key_exhausted (more than max_sessions: generate new prekeys).
    Result<void> check_fresh(const X25519Public& base_key) const;
    // Called when the message has been opened: remembers its base key and wipes the one-time prekey it used (0: none).
    void spend(const X25519Public& base_key, PrekeyId one_time);

    static constexpr std::size_t max_sessions = 65536;

  private:
    PublicIdentity identity_;
    SignedPrekey signed_public_;
    KemPrekey kem_public_;
    X25519KeyPair signed_;
    KemKeyPair kem_;
    std::map<PrekeyId, X25519KeyPair> one_time_;
    std::deque<PrekeyId> unpublished_;
    std::set<X25519Public> accepted_;
};

}  // namespace sotto::crypto
