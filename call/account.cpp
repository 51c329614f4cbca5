#include "sotto/account.h"

#include <algorithm>
#include <deque>
#include <map>

#include "call/call_core.h"
#include "crypto/identity.h"
#include "crypto/key_log.h"
#include "crypto/prekeys.h"
#include "crypto/safety_number.h"
#include "crypto/session.h"

namespace sotto {
namespace {

// What we share with one peer.
struct Peer {
    // The session that last opened a message comes first: we send by that one. There are several when both sides began
    // at once, or one lost its state (Signal, "The Sesame Algorithm", §3: active and inactive sessions).
    std::deque<std::shared_ptr<crypto::Session>> sessions;
    crypto::PrekeyId dialled_prekey = 0;  // the signed prekey in the bundle that we last dialled with

    void add(std::shared_ptr<crypto::Session> session) {
        sessions.push_front(std::move(session));
        if (sessions.size() > max_sessions) sessions.pop_back();
    }
    static constexpr std::size_t max_sessions = 4;
};

// A session that somebody began; kept in order of beginning until we send something in it.
struct Unanswered {
    PublicIdentity peer;
    std::weak_ptr<crypto::Session> session;
};
constexpr std::size_t max_unanswered = 256;

// A call that nobody answers takes two messages, its offer and a hang-up: with calls begun in the first 50 places, no
// chain of them grows beyond what the peer may skip in it.
constexpr std::uint32_t max_sealed_unanswered = crypto::Session::max_skip_new_chain / 2;

constexpr std::size_t one_time_prekeys = 100;  // a batch; when they are used up, bundles go without

// Why several sessions refused a message: another session's is merely "forged" here, or of an unknown session.
Error more_telling(Error before, Error now) {
    const bool tells_more =
        before == Error::unknown_session || (before == Error::forged && now != Error::unknown_session);
    return tells_more ? now : before;
}

Result<crypto::PrekeyBundle> checked_bundle(Bytes bytes) {
    auto bundle = crypto::parse_bundle(bytes);
    if (!bundle) return bundle;
    const auto checked = crypto::check(*bundle);
    if (!checked) return Failure(checked.error());
    return bundle;
}

}  // namespace

struct Account::State {
    State(crypto::Identity&& own, Random& source)
        : identity(std::move(own)),
          prekeys(crypto::PrekeyStore::generate(identity, one_time_prekeys, source)),
          random(source),
          contacts(std::make_shared<Contacts>(identity.public_identity())) {
        crypto::announce_key_log();
    }

    // A message opened, and the session it came by.
    struct Incoming {
        std::shared_ptr<crypto::Session> session;
        crypto::Opened opened;
    };
    Result<Incoming> open(Bytes message);
    static Result<Incoming> open_by(Peer& peer, std::size_t session, Bytes message);
    static Result<Incoming> open_by(Peer& peer, Bytes message);
    std::shared_ptr<crypto::Session> session_for(const PublicIdentity& peer, crypto::PrekeyId signed_prekey) const;
    Result<Incoming> open_initial(Bytes message, const PublicIdentity& sender);
    void bound_unanswered();
    Result<std::optional<std::shared_ptr<detail::CallCore>>> receive(Bytes message, Instant now);
    std::shared_ptr<detail::CallCore> find_call(const CallId& id, const PublicIdentity& peer) const;

    crypto::Identity identity;
    crypto::PrekeyStore prekeys;
    Random& random;
    std::shared_ptr<Contacts> contacts;    // calls look there, too, and may outlive us
    std::map<PublicIdentity, Peer> peers;  // each has a session
    std::deque<Unanswered> unanswered;     // oldest first
    std::uint64_t sessions_given_up = 0;
    std::vector<std::weak_ptr<detail::CallCore>> calls;
    RefusalCounts refused;
};

// Opens `message` by one of a peer's sessions, which then becomes the active one.
Result<Account::State::Incoming> Account::State::open_by(Peer& peer, std::size_t session, Bytes message) {
    auto opened = peer.sessions[session]->open(message);
    if (!opened) return Failure(opened.error());
    const auto place = peer.sessions.begin() + static_cast<std::ptrdiff_t>(session);
    std::rotate(peer.sessions.begin(), place, place + 1);
    return Incoming{peer.sessions.front(), std::move(*opened)};
}

Result<Account::State::Incoming> Account::State::open_by(Peer& peer, Bytes message) {
    Error cause = Error::unknown_session;
    for (std::size_t session = 0; session < peer.sessions.size(); ++session) {
        auto opened = open_by(peer, session, message);
        if (opened) return opened;
        cause = more_telling(cause, opened.error());
    }
    return Failure(cause);
}

Result<Account::State::Incoming> Account::State::open_initial(Bytes message, const PublicIdentity& sender) {
    if (const auto known = peers.find(sender); known != peers.end()) {
        // The initiator repeats its first header until it has our reply.
        auto opened = open_by(known->second, message);
        if (opened || opened.error() != Error::unknown_session) return opened;
    }
    auto accepted = crypto::Session::accept(identity, prekeys, message, random);
    if (!accepted) return Failure(accepted.error());
    auto session = std::make_shared<crypto::Session>(std::move(accepted->session));
    peers[sender].add(session);
    unanswered.push_back({sender, session});
    bound_unanswered();
    return Incoming{std::move(session), std::move(accepted->first)};
}

// To begin sessions costs a stranger nothing: the oldest of those that we never answered make room. One that a call of
// the client's still uses stays.
void Account::State::bound_unanswered() {
    std::erase_if(unanswered, [](const Unanswered& begun) {
        const auto session = begun.session.lock();
        return !session || session->has_sealed();
    });
    while (unanswered.size() > max_unanswered) {
        const auto oldest =
            std::ranges::find_if(unanswered, [](const auto& begun) { return begun.session.use_count() == 1; });
        if (oldest == unanswered.end()) return;
        const auto peer = peers.find(oldest->peer);
        std::erase(peer->second.sessions, oldest->session.lock());
        if (peer->second.sessions.empty()) peers.erase(peer);
        unanswered.erase(oldest);
        ++sessions_given_up;
    }
}

Result<Account::State::Incoming> Account::State::open(Bytes message) {
    const auto kind = crypto::peek(message);
    if (!kind) return Failure(kind.error());
    if (kind->initial) return open_initial(message, kind->sender);
    // Ordinary messages name nobody, so that a carrier learns nothing from them: each session tries its header keys.
    Error cause = Error::unknown_session;
    for (auto& [who, peer] : peers) {
        auto opened = open_by(peer, message);
        if (opened) return opened;
        cause = more_telling(cause, opened.error());
    }
    return Failure(cause);
}

// The session to dial by, or none: the call has to begin one.
std::shared_ptr<crypto::Session> Account::State::session_for(const PublicIdentity& peer,
                                                             crypto::PrekeyId signed_prekey) const {
    const auto known = peers.find(peer);
    if (known == peers.end()) return nullptr;
    // Another signed prekey than last time: the peer may have lost its sessions.
    if (known->second.dialled_prekey != signed_prekey) return nullptr;
    const auto& first = known->second.sessions.front();
    if (!first->can_seal()) return nullptr;
    // Too many messages that nobody replied to: if they were lost, the peer cannot skip them all.
    return first->sealed_unanswered() < max_sealed_unanswered ? first : nullptr;
}

std::shared_ptr<detail::CallCore> Account::State::find_call(const CallId& id, const PublicIdentity& peer) const {
    for (const auto& weak : calls) {
        auto call = weak.lock();
        if (call && call->id() == id && call->peer() == peer) return call;
    }
    return nullptr;
}

Result<std::optional<std::shared_ptr<detail::CallCore>>> Account::State::receive(Bytes message, Instant now) {
    auto incoming = open(message);
    if (!incoming) return Failure(incoming.error());
    const auto signal = call::parse_signal(incoming->opened.plaintext);
    if (!signal) return Failure(signal.error());

    std::erase_if(calls, [](const auto& weak) { return weak.expired(); });
    if (const auto existing = find_call(signal->call, incoming->session->peer())) {
        const auto received = existing->receive_signal(*signal, std::move(incoming->opened.exported), now);
        if (!received) return Failure(received.error());
        return std::nullopt;
    }
    const auto* offer = std::get_if<call::Offer>(&signal->body);
    if (offer == nullptr) return Failure(Error::unknown_call);
    auto call = detail::CallCore::ring(incoming->session, identity.public_identity(), signal->call, *offer,
                                       std::move(incoming->opened.exported), random, now);
    call->look_up_in(contacts);
    calls.push_back(call);
    return call;
}

Account::Account(std::unique_ptr<State> state) : state_(std::move(state)) {}
Account::Account(Account&&) noexcept = default;
Account& Account::operator=(Account&&) noexcept = default;
Account::~Account() = default;

Account Account::create(Random& random) {
    return Account(std::make_unique<State>(crypto::Identity::generate(random), random));
}

Account Account::restore(const AccountSeed& seed, Random& random) {
    crypto::IdentitySeed identity_seed;
    std::ranges::copy(seed.reveal(), identity_seed.fill().begin());
    return Account(std::make_unique<State>(crypto::Identity::from_seed(identity_seed), random));
}

const PublicIdentity& Account::identity() const { return state_->identity.public_identity(); }

AccountSeed Account::seed() const {
    AccountSeed seed;
    std::ranges::copy(state_->identity.seed().reveal(), seed.fill().begin());
    return seed;
}

Buffer Account::bundle() { return crypto::encode(state_->prekeys.publish()); }

std::size_t Account::one_time_prekeys_left() const { return state_->prekeys.one_time_left(); }

void Account::renew_prekeys() { state_->prekeys.renew(state_->identity, one_time_prekeys, state_->random); }

Result<Call> Account::dial(const PublicIdentity& peer, Bytes bundle, const CallSettings& settings, Instant now) {
    const auto checked = checked_bundle(bundle);
    if (!checked) return Failure(checked.error());
    if (checked->identity != peer) return Failure(Error::wrong_identity);

    auto session = state_->session_for(peer, checked->signed_prekey.id);
    const bool begin = session == nullptr;
    if (begin) {
        auto started = crypto::Session::initiate(state_->identity, *checked, state_->random);
        if (!started) return Failure(started.error());
        session = std::make_shared<crypto::Session>(std::move(*started));
    }
    auto core = detail::CallCore::dial(session, identity(), settings, state_->random, now);
    if (!core) return Failure(core.error());
    Peer& known = state_->peers[peer];
    if (begin) known.add(std::move(session));
    known.dialled_prekey = checked->signed_prekey.id;
    (*core)->look_up_in(state_->contacts);
    state_->calls.push_back(*core);
    return Call(std::move(*core));
}

Result<Call> Account::dial(std::string_view name, Bytes bundle, const CallSettings& settings, Instant now) {
    const auto owner = bundle_owner(bundle);
    if (!owner) return Failure(owner.error());
    const auto met = contacts().meet(name, *owner);
    if (!met) return Failure(met.error());
    return dial(*owner, bundle, settings, now);
}

Contacts& Account::contacts() { return *state_->contacts; }
const Contacts& Account::contacts() const { return *state_->contacts; }

Result<void> Account::restore_contacts(Contacts stored) {
    if (stored.ours() != identity()) return Failure(Error::wrong_identity);
    contacts() = std::move(stored);
    return {};
}

Result<std::optional<Call>> Account::receive(Bytes signal, Instant now) {
    auto received = state_->receive(signal, now);
    if (!received) {
        ++state_->refused[received.error()];
        return Failure(received.error());
    }
    if (!*received) return std::nullopt;
    return Call(std::move(**received));
}

const RefusalCounts& Account::refused() const { return state_->refused; }
std::uint64_t Account::sessions_given_up() const { return state_->sessions_given_up; }

Result<PublicIdentity> bundle_owner(Bytes bundle) {
    const auto checked = checked_bundle(bundle);
    if (!checked) return Failure(checked.error());
    return checked->identity;
}

SafetyNumber safety_number(const PublicIdentity& a, const PublicIdentity& b) { return crypto::safety_number(a, b); }

}  // namespace sotto
