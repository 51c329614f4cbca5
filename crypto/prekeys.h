// Prekeys (PQXDH, Signal, revision 3, §3.2): what a responder publishes so that anybody can start a session with it.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>

#include "crypto/device.h"
#include "crypto/keys.h"
#include "crypto/locked.h"

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
    DeviceCertificate owner;
    SignedPrekey signed_prekey;
    KemPrekey kem_prekey;  // a one-time one while there are any, then the last-resort one
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

    bool operator==(const PrekeyIds&) const = default;
};

// Their secret halves.
struct ResponderKeys {
    const X25519KeyPair& signed_prekey;
    KemKeyPair kem_prekey;
    const X25519Private* one_time;  // null where the initiator used none
};

// The secret halves of all that a device publishes.
class PrekeyStore {
  public:
    // A signed prekey, a last-resort KEM prekey, and `one_time` one-time prekeys of either kind.
    static PrekeyStore generate(std::size_t one_time, Random& random);
    // Others in their place. Those handed out so far serve until the next renewal, for bundles that are under way
    // (PQXDH §3.2); those before them are wiped.
    void renew(std::size_t one_time, Random& random);

    // A bundle for one initiator, signed by `device`. Hands each pair of one-time prekeys out once, in order; when they
    // are used up, without a curve one and with the last-resort KEM prekey.
    PrekeyBundle publish(const Device& device);
    // A bundle for every initiator: no one-time prekeys in it, so it may be given out more than once (PQXDH §3.2).
    PrekeyBundle publish_lasting(const Device& device) const;
    std::size_t one_time_left() const { return current_.unpublished.size(); }

    // What an initial message with this base key EK_A was made for. A message is accepted once: its base key is
    // remembered as long as the prekeys it names. Errors: replayed, unknown_prekey (never handed out, spent, wiped, or
    // not of one renewal), key_exhausted (more than max_sessions with these prekeys: renew them).
    Result<ResponderKeys> find(const X25519Public& base_key, const PrekeyIds& ids) const;
    // Called when the message has been opened: remembers its base key and wipes the one-time prekeys it used.
    void spend(const X25519Public& base_key, const PrekeyIds& ids);

    // Everything in it, for the device to keep under its own encryption.
    SecretBuffer save() const;
    // Errors: truncated, malformed, unsupported_version.
    static Result<PrekeyStore> restore(Bytes saved);

    static constexpr std::size_t max_sessions = 65536;

  private:
    struct OneTimePair {
        PrekeyId curve_id = 0;
        X25519Private curve;
        PrekeyId kem_id = 0;
        KemSeed kem;
    };
    template <class Key>
    using Shelf = std::map<PrekeyId, Key, std::less<>, LockedAllocator<std::pair<const PrekeyId, Key>>>;
    // Prekeys that were generated together, and the sessions that began with them.
    struct Batch {
        PrekeyId signed_id = 0;
        X25519KeyPair signed_prekey;
        PrekeyId last_resort_id = 0;
        KemSeed last_resort;
        std::deque<OneTimePair, LockedAllocator<OneTimePair>> unpublished;
        Shelf<X25519Private> one_time;  // handed out and not used yet, as are the next
        Shelf<KemSeed> one_time_kem;
        std::set<X25519Public> accepted;

        const KemSeed* find_kem(PrekeyId id) const;
        bool has_kem(PrekeyId id) const;
    };
    PrekeyBundle bundle_with(PrekeyId kem, const Device& device) const;
    static Batch make_batch(std::size_t one_time, const Batch& before, Random& random);
    static std::size_t saved_size(const Batch& batch);
    static void save(const Batch& batch, ByteWriter& out);
    static Result<Batch> restore_batch(ByteReader& in);
    bool kem_ids_differ() const;

    Batch current_;
    std::optional<Batch> former_;
};

}  // namespace sotto::crypto
