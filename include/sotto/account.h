// Our side of every call: an identity, the prekeys it publishes, and a ratchet session per peer.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "sotto/bytes.h"
#include "sotto/call.h"
#include "sotto/contacts.h"
#include "sotto/error.h"
#include "sotto/export.h"
#include "sotto/identity.h"
#include "sotto/random.h"
#include "sotto/secret.h"
#include "sotto/stats.h"

namespace sotto {

// From which an identity is restored. Whoever holds it is this account.
using AccountSeed = Secret<struct AccountSeedRole, 32>;

// Whose bundle this is, after its signatures were checked.
// Errors: truncated, malformed, unsupported_version, bad_signature, bad_key.
SOTTO_API Result<PublicIdentity> bundle_owner(Bytes bundle);

// The 60 digits that two people compare; the same on both sides.
SOTTO_API SafetyNumber safety_number(const PublicIdentity& a, const PublicIdentity& b);

class SOTTO_API Account {
  public:
    // A new identity. `random` must outlive the account and its calls.
    static Account create(Random& random = system_random());
    // The identity of that seed, with fresh prekeys and no sessions.
    static Account restore(const AccountSeed& seed, Random& random = system_random());

    const PublicIdentity& identity() const;
    AccountSeed seed() const;
    // What a caller needs to reach us, for any directory: each call hands out another one-time prekey.
    Buffer bundle();
    // When none is left bundles go without: whoever steals our prekeys before they are renewed can read such first
    // messages.
    std::size_t one_time_prekeys_left() const;
    // Draws 100 one-time prekeys and the others anew; the directory then needs new bundles. Bundles from before stay
    // good until the next renewal, so leave those that are under way the time to arrive. A client renews every few
    // days, when one-time prekeys run out, and at the latest when receive() refuses with key_exhausted: a batch of
    // prekeys serves 65,536 sessions.
    void renew_prekeys();

    // Rings `peer`, whose bundle the directory gave: its present one, for a new session begins where the last one has
    // gone 50 messages without a reply, or where the peer's signed prekey is another than before. The offer is the new
    // call's first output. Errors: wrong_identity (the bundle is somebody else's), those of bundle_owner(),
    // invalid_argument (settings).
    Result<Call> dial(const PublicIdentity& peer, Bytes bundle, const CallSettings& settings, Instant now);

    // The same for one of the client's own names: rings whoever owns `bundle`, if the name stands for nobody else.
    // First sight is remembered in contacts(), whatever becomes of the call. Errors, in addition: invalid_argument
    // (name), identity_changed until the client has decided in contacts().
    Result<Call> dial(std::string_view name, Bytes bundle, const CallSettings& settings, Instant now);

    // Whom the client's names stand for. Calls look there, too: see Call::peer_name().
    Contacts& contacts();
    const Contacts& contacts() const;
    // In place of those there are, from storage. Error::wrong_identity if they are another account's.
    Result<void> restore_contacts(Contacts stored);

    // A signal that the carrier brought. Gives a ringing Call if it is a new offer, nothing if it belongs to a call we
    // have. What is refused is counted and changes nothing.
    // Errors: those of parsing, forged, replayed, too_many_skipped, unknown_prekey, key_exhausted, unknown_session,
    // unknown_call, wrong_state.
    Result<std::optional<Call>> receive(Bytes signal, Instant now);

    const RefusalCounts& refused() const;
    // Sessions that others began, in which we never sent anything and which made room for later ones: 256 are kept
    // besides those of calls that the client holds. Whoever began such a session reaches us by another.
    std::uint64_t sessions_given_up() const;

    Account(Account&&) noexcept;
    Account& operator=(Account&&) noexcept;
    ~Account();

  private:
    struct State;
    explicit Account(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace sotto
