// The inside of an Account: our device, the sessions with other devices, and what is known of those.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "call/call_core.h"
#include "call/capabilities.h"
#include "call/device_book.h"
#include "call/doorkeeper.h"
#include "call/ledger.h"
#include "crypto/device.h"
#include "crypto/key_log.h"
#include "crypto/prekeys.h"
#include "sotto/account.h"

namespace sotto {
struct Account::State : crypto::Locked {
    using PeerDevice = call::PeerDevice;

    // What a bundle offers; nothing signs the one-time prekey's key, so its id alone says little.
    struct Prekeys {
        crypto::PrekeyIds ids;
        crypto::X25519Public one_time;

        static Prekeys of(const crypto::PrekeyBundle& bundle);
        bool operator==(const Prekeys&) const = default;
    };

    // What we share with one device.
    struct Peer {
        // The session that last opened a message comes first: we send by that one. There are several when both sides
        // began at once, or one lost its state (Signal, "The Sesame Algorithm", §3: active and inactive sessions).
        struct Entry {
            std::shared_ptr<call::KeptSession> session;
            bool retired = false;  // only opens: the peer may have lost it, or we did what happened in it last
        };
        std::deque<Entry> sessions;
        std::optional<Prekeys> dialled{};  // of the bundle that we last dialled with
        std::uint32_t heard = 0;           // the highest number of the offers that it is known to have made

        void add(Entry entry);
        void bound();
        static constexpr std::size_t max_sessions = 4;  // of either kind
    };

    // A session that somebody began; kept in order of beginning until our user accepts a call that came by it.
    struct Unanswered {
        PeerDevice peer;
        std::weak_ptr<call::KeptSession> session;
    };

    static constexpr std::size_t one_time_prekeys = 100;  // of either kind in a batch

    // `secret` is left out where the identity's lies elsewhere.
    State(std::optional<crypto::Identity>&& secret, crypto::Device&& own, crypto::PrekeyStore&& keys, Random& source)
        : identity(std::move(secret)),
          device(std::move(own)),
          prekeys(std::move(keys)),
          random(source),
          contacts(std::make_shared<Contacts>(device.identity())) {
        crypto::announce_key_log();
        if (identity) static_cast<void>(devices.certify(ours()));  // the first
        if (!identity) devices.add(ours());
    }
    static std::unique_ptr<State> on_new_device(crypto::Identity&& identity, Random& random) {
        auto device = crypto::Device::generate(identity, random);
        return std::make_unique<State>(std::move(identity), std::move(device), fresh_prekeys(random), random);
    }
    static crypto::PrekeyStore fresh_prekeys(Random& random) {
        return crypto::PrekeyStore::generate(one_time_prekeys, random);
    }
    PeerDevice ours() const { return {device.identity(), device.key()}; }

    // A message opened, and the session it came by.
    struct Incoming {
        std::shared_ptr<call::KeptSession> session;
        crypto::Opened opened;
        Duration age{};  // by the carrier's word
    };
    Result<Incoming> open(Bytes message, Instant now);
    static Result<Incoming> open_by(Peer& peer, std::size_t session, Bytes message);
    static Result<Incoming> open_by(Peer& peer, Bytes message);
    std::shared_ptr<call::KeptSession> session_for(const PeerDevice& peer) const;
    std::shared_ptr<call::KeptSession> session_for(const PeerDevice& peer, const Prekeys& offered) const;
    Result<Incoming> open_initial(Bytes message, const PeerDevice& sender, Instant now);
    std::shared_ptr<call::KeptSession> kept(crypto::Session&& session);
    void remember(const PeerDevice& peer);
    void remember_answered();
    void bound_unanswered();
    void end_sessions_of_revoked();
    Result<std::optional<std::shared_ptr<detail::CallCore>>> receive(Bytes message, Instant now, Duration age);
    Result<std::optional<std::shared_ptr<detail::CallCore>>> take(Incoming& incoming, Instant now);
    Result<std::optional<std::shared_ptr<detail::CallCore>>> receive_offer(Incoming& incoming,
                                                                           const call::CallSignal& signal, Instant now);
    std::shared_ptr<detail::CallCore> find_call(const CallId& id, const PeerDevice& peer) const;
    // One with this device in such a state.
    std::shared_ptr<detail::CallCore> call_with(const PeerDevice& peer, bool (*in)(CallState)) const;
    bool dials(const PublicIdentity& peer) const;

    // That call of the device's is over, or was withdrawn, before its offer came: then it must not ring.
    void forgo(const PeerDevice& peer, const CallId& id);
    static constexpr std::size_t max_forgone = 64;

    // By which something goes to the owner of a bundle: the first session with that device, or a new one.
    struct Way {
        PeerDevice to;
        std::shared_ptr<call::KeptSession> session;
        bool begun = false;
        Prekeys prekeys;
    };
    Result<Way> way_to(const PublicIdentity& peer, Bytes bundle);
    // Of a bundle each; of several of one device the first.
    Result<std::vector<Way>> ways_to(const PublicIdentity& peer, std::span<const Bytes> bundles);
    // Once something was sealed: whoever we send to is known from now on. To be written.
    void take_way(Way&& way);
    Result<std::shared_ptr<detail::CallCore>> dial(const PublicIdentity& peer, std::span<const Bytes> bundles,
                                                   const CallSettings& settings, Instant now);

    // -- account_capabilities.cpp

    CapabilityState capability_of(const PublicIdentity& person) const { return capabilities.state(person); }
    bool takes_capabilities_of(const PublicIdentity& person) const;
    Result<Buffer> seal_grant(call::KeptSession& session);
    Result<void> take_grant(const call::KeptSession& session, const call::Grant& grant);

    // -- account_storage.cpp

    static Result<std::unique_ptr<State>> load(std::shared_ptr<call::Ledger> ledger, Random& random);
    Result<void> load_sessions();
    Result<void> keep_in(std::shared_ptr<call::Ledger> into);
    // Writes prekeys, and what else has changed; no effect without a ledger.
    Result<void> commit_prekeys();
    Result<void> commit();
    // They are part of the next commit.
    void put_prekeys();
    void put_changes();

    std::optional<crypto::Identity> identity;
    crypto::Device device;
    crypto::PrekeyStore prekeys;
    Random& random;
    std::shared_ptr<Contacts> contacts;  // calls look there, too, and may outlive us
    call::DeviceBook devices;
    call::Doorkeeper doorkeeper;
    call::Capabilities capabilities;
    std::deque<AccountEvent> events;
    std::map<PeerDevice, Peer> peers;   // each has a session
    std::deque<Unanswered> unanswered;  // oldest first
    std::uint64_t sessions_given_up = 0;
    std::vector<std::weak_ptr<detail::CallCore>> calls;
    std::deque<std::pair<PeerDevice, CallId>> forgone;  // newest last
    RefusalCounts refused;
    std::shared_ptr<call::Ledger> ledger;  // none: nothing is kept
    Buffer contacts_put, devices_put;      // as they were last put there
    std::uint32_t next_session = 0;
    bool rolled_back = false;
};

}  // namespace sotto
