// Our side of every call: a device of an identity, the prekeys it publishes, and ratchet sessions with other devices.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "sotto/bytes.h"
#include "sotto/call.h"
#include "sotto/contacts.h"
#include "sotto/error.h"
#include "sotto/export.h"
#include "sotto/identity.h"
#include "sotto/policy.h"
#include "sotto/random.h"
#include "sotto/secret.h"
#include "sotto/stats.h"
#include "sotto/store.h"

namespace sotto {

// From which an identity is restored. Whoever holds it can be this person, and say which devices are.
using AccountSeed = Secret<struct AccountSeedRole, 32>;

// A device that is to become one of somebody's. It shows key() to one that holds the identity's secret, as a QR code or
// whatever the client has that nobody can change on the way, and is given what Account::certify() makes of it.
class SOTTO_API DeviceRequest {
  public:
    static DeviceRequest create(Random& random = system_random());

    const DeviceKey& key() const { return key_; }

  private:
    friend class Account;
    DeviceRequest() = default;
    Secret<struct DeviceRequestRole, 32> seed_;
    DeviceKey key_;
};

// What a client should tell its user, or act on. Devices are those of identities that were dialled, answered or given a
// capability, or whose list was learned; of strangers who merely call nothing is remembered.

// This identity was known, and this device was not: a new telephone, or somebody with a stolen key.
struct DeviceAdded {
    PublicIdentity identity;
    DeviceKey device;
};
// The identity's newest list leaves it out; it may be our own.
struct DeviceRemoved {
    PublicIdentity identity;
    DeviceKey device;
};
// This device of theirs gave us a capability that we did not hold: dial() shows it. If the one that we gave them is
// live (relationship()), give it again, by the session: it may have come before they knew us, and then they did not
// keep it.
struct CapabilityReceived {
    PublicIdentity identity;
    DeviceKey device;
};
using AccountEvent = std::variant<DeviceAdded, DeviceRemoved, CapabilityReceived>;

// Whose bundle this is, after its signatures were checked.
// Errors: truncated, malformed, unsupported_version, bad_signature, bad_key.
SOTTO_API Result<PublicIdentity> bundle_owner(Bytes bundle);
// And of which of its devices, the one that messages begun with it are for. The same errors.
SOTTO_API Result<DeviceKey> bundle_device(Bytes bundle);

// The 60 digits that two people compare; the same on both sides.
SOTTO_API SafetyNumber safety_number(const PublicIdentity& a, const PublicIdentity& b);

class SOTTO_API Account {
  public:
    // The account kept in `store`, or a new one that is kept there from now on. What a message says or enables is
    // written before anybody sees it; a write that fails keeps it back. Store and `random` must outlive the account and
    // its calls. Calls are not kept. The first call to each device after a restart begins a new session.
    // Errors: foreign_store (another key's, too), damaged_store, unsupported_version, io_failed, the store's own.
    static Result<Account> open(Store& store, const StoreKey& key, Random& random = system_random());
    // An older copy of the store was put back. Sessions and prekeys are new: publish new bundles. Contacts and devices
    // are as old as the copy: learn the newest device lists.
    bool rolled_back() const;
    // Keeps an account that kept nothing so far in a store that holds none. Errors: wrong_state (it does, or the
    // account is kept already), and those of open().
    Result<void> keep_in(Store& store, const StoreKey& key);
    // Writes what the client changed in contacts(); they are written with everything else, too. Errors: the store's.
    Result<void> save();
    // A secret of the client's own, sealed with the rest: what it needs again beside the account, such as its sessions
    // with servers. There is one; an empty one takes its place, too. Errors: wrong_state (the account is kept nowhere),
    // too_large (over 64 KiB), the store's.
    Result<void> keep_for_client(SecretBuffer&& secret);
    // Empty: there is none. Errors: wrong_state, the store's.
    Result<SecretBuffer> kept_for_client();

    // A new identity and its first device, kept nowhere. `random` must outlive the account and its calls.
    static Account create(Random& random = system_random());
    // A new device of that seed's identity, with fresh prekeys and no sessions: peers are told of a new device. Let it
    // learn the device list that was published last before it publishes another: until then other devices of its own
    // identity are revoked here, and its list would be outdated elsewhere.
    static Account restore(const AccountSeed& seed, Random& random = system_random());
    // The device that asked, on which the identity's secret never lies; consumes the request if it succeeds. The
    // certificate says whose device this is: compare identity() with who it should be.
    // Errors: truncated, malformed, bad_key, bad_signature, wrong_identity (the certificate is another device's).
    static Result<Account> join(DeviceRequest&& request, Bytes certificate, Random& random = system_random());

    const PublicIdentity& identity() const;
    const DeviceKey& device() const;
    // Errors: wrong_state (a device that joined does not have it).
    Result<AccountSeed> seed() const;

    // -- Our devices. All but learn_devices() need the identity's secret here, or else are refused with wrong_state.
    // All write, and may fail with the store's errors besides their own.

    // A certificate for the device that shows this key, which belongs to our identity from now on.
    // Errors: bad_key, too_large (32 devices have one).
    Result<Buffer> certify(const DeviceKey& device);
    // Those that have one, this device among them, ascending. What a device that joined knows of is its own affair.
    std::vector<DeviceKey> devices() const;
    // It is no longer one of ours, and its sessions with us end; tell everybody by publish_devices().
    // Errors: invalid_argument (this device, or none of ours).
    Result<void> remove_device(const DeviceKey& device);
    // A signed list of all our devices, this one among them, newer than the last: for the directory and for our peers.
    // Errors: too_large (32 others have certificates), key_exhausted (the 2^32nd list).
    Result<Buffer> publish_devices();
    // The list that a peer, or another device of our own, published. From now on only devices in it are that
    // identity's; sessions and calls with others end.
    // Errors: those of parsing, bad_key, bad_signature, outdated (not newer than the one known).
    Result<void> learn_devices(Bytes list);
    // Whether that identity's newest list, of those that were learned, leaves the device out.
    bool revoked(const PublicIdentity& person, const DeviceKey& device) const;
    // The next thing to tell the user, or nothing. Ask after dial(), receive() and learn_devices().
    std::optional<AccountEvent> event();

    // What a caller needs to reach us, for any directory: each call hands out another one-time prekey.
    // Errors: the store's.
    Result<Buffer> bundle();
    // One for a place that gives the same bytes to everybody, such as a retained message: without one-time prekeys, the
    // same until the next renewal. Whoever steals our prekeys can read first messages made for it until the second
    // renewal after it; whoever repeats one is refused. So renew more often where nothing else is published.
    Buffer lasting_bundle() const;
    // When none is left bundles go without: whoever steals our prekeys before they are renewed can read such first
    // messages.
    std::size_t one_time_prekeys_left() const;
    // Draws 100 one-time prekeys of either kind and the others anew; the directory then needs new bundles. Bundles from
    // before stay good until the next renewal, so leave those that are under way the time to arrive. A client renews
    // every few days, when one-time prekeys run out, and at the latest when receive() refuses with key_exhausted: a
    // batch of prekeys serves 65,536 sessions.
    // Errors: the store's.
    Result<void> renew_prekeys();

    // Rings `peer` at the device whose bundle the directory gave: its present one, for a new session begins where the
    // last one has gone 50 messages without a reply, or where the device's signed prekey is another than before. The
    // offer is the new call's first output. Errors: wrong_identity (the bundle is somebody else's), those of
    // bundle_owner(), revoked, too_large (a 33rd device of an identity without a list), invalid_argument (settings),
    // wrong_state (that device rings here: accept its call; or there is one with it), the store's. If both dial at
    // once, one call results: the offer with the smaller call id counts, and the other side's call goes on as its
    // callee.
    Result<Call> dial(const PublicIdentity& peer, Bytes bundle, const CallSettings& settings, Instant now);

    // The same at several of the peer's devices, a bundle each: the first that answers has the call, the others stop
    // ringing, and one that declines does so for all. A bundle of a device that was named before is left out. Error, in
    // addition: invalid_argument (no bundle).
    Result<Call> dial(const PublicIdentity& peer, std::span<const Bytes> bundles, const CallSettings& settings,
                      Instant now);

    // The same for one of the client's own names: rings whoever owns `bundle`, if the name stands for nobody else.
    // First sight is remembered in contacts(), whatever becomes of the call; with grant() this person may ring, too.
    // Errors, in addition: invalid_argument (name), identity_changed until the client has decided in contacts().
    Result<Call> dial(std::string_view name, Bytes bundle, const CallSettings& settings, Instant now);

    // Whom the client's names stand for. Calls look there, too: see Call::peer_name().
    Contacts& contacts();
    const Contacts& contacts() const;
    // In place of those there are, from storage. Errors: wrong_identity (they are another account's), the store's.
    Result<void> restore_contacts(Contacts stored);

    // -- Who may ring here: sotto/policy.h. Without a word from the client, contacts alone.

    // From now on; calls that ring or go on stay as they are. Errors: those of check(), the store's.
    Result<void> set_policy(CallPolicy policy);
    const CallPolicy& policy() const;
    // What the client's service tells of this person: whether we follow them, and so on. `contact` and
    // `identity_changed` are what contacts() say, whatever stands there. Written with everything else, or by save().
    // So is `capability`: what was given and revoked here. Errors: too_large (65,536 others are known).
    Result<void> set_relationship(const PublicIdentity& person, const Relationship& relationship);
    Relationship relationship(const PublicIdentity& person) const;
    // Quiet hours go by it; tell it at each start. It is not kept.
    void set_clock(const LocalClock& clock);
    // What would become of a call by this person.
    Decision may_ring(const PublicIdentity& person, Instant now) const;
    // Of calls that were silenced, the newest 64 callers, the newest last. Not kept.
    const std::vector<SilencedCall>& silenced_calls() const;
    void forget_silenced_calls();
    // Of every offer that arrived, how it was decided. What a stranger's first message was refused for is counted
    // before it is known whose it is: anybody may have written it.
    const ReasonCounts& decisions() const;

    // -- Capabilities: sotto/capability.h. To make somebody a contact who may ring is contacts().meet(), then a grant
    // to each of their devices. Each device of ours gives its own.

    // A signal that lets this person ring here, as far as the policy does: for the device whose bundle this is. The
    // same capability for all of a person's devices and however often it is given, until it is revoked; then a new one,
    // which takes the place of earlier ones wherever it arrives. Only devices that know us (as a contact, or because
    // they dialled, answered, follow or were granted to us) keep it; nothing is sent in return. Errors: those of
    // dial(), not_permitted (we block this person), too_large (65,536 others have one), key_exhausted, the store's.
    Result<Buffer> grant(const PublicIdentity& person, Bytes bundle);
    // The same by the session that there is. Errors, in addition: unknown_session (there is none to seal in).
    Result<Buffer> grant(const PublicIdentity& person, const DeviceKey& device);
    // What this person holds of ours never lets ring again, nor does an exception that allowed it; nothing is sent.
    // Without effect on those who had neither. To block somebody by the policy revokes, too. Errors: the store's.
    Result<void> revoke(const PublicIdentity& person);
    // Whether dial() has a capability to show to that device.
    bool holds_capability(const PublicIdentity& person, const DeviceKey& device) const;
    // The same for any of this person's devices.
    bool holds_capability(const PublicIdentity& person) const;
    // For a server that is to ring this device only for offers that show one of these beside them
    // (Signal::capability). Publish it again after each grant() of a new one and each revoke(). Ascending.
    std::vector<CapabilityHash> capability_hashes() const;
    // That of this person's, if it is live.
    std::optional<CapabilityHash> capability_hash(const PublicIdentity& person) const;

    // A signal that the carrier brought, sent so long ago by what that tells, if it does. Gives a ringing Call if it is
    // a new offer of somebody who may ring, nothing if it belongs to a call we have. What is refused is counted and
    // changes nothing. Whatever is returned, don't tell the carrier: not_permitted must look like a device that is off.
    // Errors: not_permitted (a capability of somebody whom we don't know, too); those of parsing, forged, replayed,
    // too_many_skipped, unknown_prekey, key_exhausted, bad_key, bad_signature, revoked, too_large, unknown_session,
    // unknown_call, wrong_state, outdated (a capability older than the one held); the store's, which lose the signal
    // and, where it was an offer that was to take the place of ours (dial()) and was not answered, end both calls;
    // codec_failed and unavailable, which end the call that was answered. An offer older than ring_timeout rings, for
    // the client to tell of; while we dial that device or talk to it, it is outdated.
    Result<std::optional<Call>> receive(Bytes signal, Instant now, Duration age = {});

    const RefusalCounts& refused() const;
    // Sessions that others began, in which no call was accepted and which made room for later ones: 256 are kept
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
