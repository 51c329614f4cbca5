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

// The prekeys that an initial message names.
struct PrekeyIds {
    PrekeyId signed_prekey = 0;
    PrekeyId kem_prekey = 0;
    PrekeyId one_time = 0;  // 0: none
};

// Their secret halves.
struct ResponderKeys {
    const X25519KeyPair& signed_prekey;
    const KemKeyPair& kem_prekey;
    const X25519KeyPair* one_time;  // null where the initiator used none
};

// The secret halves of all that is published, at the responder.
class PrekeyStore {
  public:
    // One signed prekey, one ML-KEM prekey and `one_time` one-time prekeys.
    static PrekeyStore generate(const Identity& identity, std::size_t one_time, Random& random);
    // Others in their place. Those published so far serve until the next renewal, for bundles that are under way (PQXDH
    // §3.2); those before them are wiped.
    void renew(const Identity& identity, std::size_t one_time, Random& random);

    // A bundle for one initiator. Hands each one-time prekey out once, in order; without one when they are used up.
    PrekeyBundle publish();
    std::size_t one_time_left() const { return current_.unpublished.size(); }

    // What an initial message with this base key EK_A was made for. A message is accepted once: its base key is
    // remembered as long as the prekeys it names. Errors: replayed, unknown_prekey (never published, spent, wiped, or
    // not of one bundle), key_exhausted (more than max_sessions with these prekeys: renew them).
    Result<ResponderKeys> find(const X25519Public& base_key, const PrekeyIds& ids) const;
    // Called when the message has been opened: remembers its base key and wipes the one-time prekey it used.
    void spend(const X25519Public& base_key, const PrekeyIds& ids);

    static constexpr std::size_t max_sessions = 65536;

  private:
    // Prekeys that were generated together, and the sessions that began with them.
    struct Batch {
        SignedPrekey signed_public;
        KemPrekey kem_public;
        X25519KeyPair signed_pair;
        KemKeyPair kem_pair;
        std::map<PrekeyId, X25519KeyPair> one_time;
        std::deque<PrekeyId> unpublished;
        std::set<X25519Public> accepted;
    };
    static Batch make_batch(const Identity& identity, std::size_t one_time, const Batch& before, Random& random);

    PublicIdentity identity_;
    Batch current_;
    std::optional<Batch> former_;
};

}  // namespace sotto::crypto
