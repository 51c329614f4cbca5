// The double ratchet with header encryption (Signal, "The Double Ratchet Algorithm", §4), an ML-KEM-768 key beside each
// X25519 key and steps that wait until a message asks for one. docs/protocol.md, "Double Ratchet".
#pragma once

#include <optional>
#include <variant>
#include <vector>

#include "crypto/chain.h"
#include "crypto/header.h"
#include "crypto/pqxdh.h"
#include "crypto/session.h"

namespace sotto::crypto {

// The peer's step is next: these are the private halves that it will be taken with, and nothing else holds them.
struct AwaitedStep {
    X25519KeyPair ratchet;          // DHs
    std::optional<KemPrivate> kem;  // a responder that has opened nothing yet has none: its signed prekey is `ratchet`
};
// Our step is next, towards these keys of the peer's.
struct DueStep {
    X25519Public ratchet;  // DHr
    KemPublic kem;
};

// What the headers of an unanswered chain hold beside the ratchet header: who began a step repeats its KEM half, and
// the initiator its initial header, until they are known to have arrived.
struct ChainBeginning {
    std::optional<InitialHeader> initial;     // of the initiator's first chain,
    std::optional<KemCiphertext> ciphertext;  // of every other
    KemPublic kem_key;
};

struct Sending {
    SendingChain chain;
    X25519Public key;            // the public half of DHs
    std::uint32_t previous = 0;  // PN
    std::optional<ChainBeginning> beginning;
};

// Double Ratchet §3.2's and §4.3's state variables under their names there.
struct Ratchet {
    AssociatedData associated{};
    RootKey root;                             // RK
    HeaderKey next_sending;                   // NHKs
    HeaderKey next_receiving;                 // NHKr
    std::variant<AwaitedStep, DueStep> turn;  // whose step is next; with DueStep the sending chain, if any, is answered
    std::optional<Sending> sending;
    std::uint32_t ended = 0;  // PN to come, of a sending chain that a record did not keep
    std::optional<ReceivingChain> receiving;
    std::vector<PastChain, LockedAllocator<PastChain>> past;  // before `receiving`, oldest first
    bool sealed = false;                                      // whether we have sent anything
    std::uint64_t given_up = 0;

    static constexpr std::size_t max_past = 4;
    static constexpr std::uint32_t chain_limit = 100;  // messages of an answered chain, then a step

    bool answered() const { return std::holds_alternative<DueStep>(turn); }
    std::size_t skipped_held() const;
    // Messages of the present sending chain, or of the last one.
    std::uint32_t sent() const { return sending ? sending->chain.next : ended; }
};

// RatchetInitAliceHE, §4.3: their signed prekey is their first ratchet key. Errors: bad_key.
Result<Ratchet> begin_initiator(const AssociatedData& associated, SharedKeys&& shared,
                                const X25519Public& signed_prekey, const InitialHeader& initial, Random& random);
// RatchetInitBobHE.
Ratchet begin_responder(const AssociatedData& associated, SharedKeys&& shared, const X25519KeyPair& signed_prekey);

// Errors: too_large, unknown_session (no sending chain, and no step is due), key_exhausted.
Result<Sealed> seal(Ratchet& state, Bytes plaintext, Step step, Random& random);
// A failed one changes nothing. Errors: unknown_session (no header key of ours opens it), malformed, forged, replayed,
// too_many_skipped, bad_key.
Result<Opened> open(Ratchet& state, const ParsedMessage& message);

}  // namespace sotto::crypto
