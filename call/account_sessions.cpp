// Which session a message is opened by, and by which one is sealed. docs/protocol.md, "Sessions".
#include <algorithm>

#include "call/account_state.h"

namespace sotto {
namespace {

constexpr std::size_t max_unanswered = 256;  // sessions

// A call that nobody answers takes two messages, its offer and a hang-up: with calls begun in the first 50 places, no
// chain of them grows beyond what the peer may skip in it.
constexpr std::uint32_t max_sealed_unanswered = crypto::Session::max_skip_new_chain / 2;

// Why several sessions refused a message: another session's is merely "forged" here, or of an unknown session.
Error more_telling(Error before, Error now) {
    const bool tells_more =
        before == Error::unknown_session || (before == Error::forged && now != Error::unknown_session);
    return tells_more ? now : before;
}

}  // namespace

Account::State::Prekeys Account::State::Prekeys::of(const crypto::PrekeyBundle& bundle) {
    Prekeys named{.ids = {.signed_prekey = bundle.signed_prekey.id, .kem_prekey = bundle.kem_prekey.id, .one_time = 0},
                  .one_time = {}};
    if (bundle.one_time) {
        named.ids.one_time = bundle.one_time->id;
        named.one_time = bundle.one_time->key;
    }
    return named;
}

void Account::State::Peer::add(Entry entry) {
    sessions.push_front(std::move(entry));
    bound();
}

// Those in which nothing was opened, which the peer may never have had, push out none that has served.
void Account::State::Peer::bound() {
    for (const bool served : {true, false}) {
        std::size_t kept = 0;
        std::erase_if(sessions, [&](const Entry& entry) {
            const bool goes = entry.session->has_opened() == served && ++kept > max_sessions;
            if (goes) entry.session->forget();
            return goes;
        });
    }
}

std::shared_ptr<call::KeptSession> Account::State::kept(crypto::Session&& session) {
    return std::make_shared<call::KeptSession>(std::move(session), ledger, next_session++);
}

// Opens `message` by one of a device's sessions, which then becomes the active one unless it is retired.
Result<Account::State::Incoming> Account::State::open_by(Peer& peer, std::size_t session, Bytes message) {
    const Peer::Entry entry = peer.sessions[session];
    auto opened = entry.session->open(message);
    if (!opened) return Failure(opened.error());
    const auto place = peer.sessions.begin() + static_cast<std::ptrdiff_t>(session);
    if (!entry.retired) std::rotate(peer.sessions.begin(), place, place + 1);
    peer.bound();
    return Incoming{entry.session, std::move(*opened)};
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

Result<Account::State::Incoming> Account::State::open_initial(Bytes message, const PeerDevice& sender, Instant now) {
    remember_answered();
    const auto admitted = devices.admit(sender);
    if (!admitted) return Failure(admitted.error());
    if (const auto known = peers.find(sender); known != peers.end()) {
        // The initiator repeats its first header until it has our reply.
        auto opened = open_by(known->second, message);
        if (opened || opened.error() != Error::unknown_session) return opened;
    }
    // Before a prekey is spent or a secret computed: a first message can only begin a call, or give a capability.
    const bool in_vain = !takes_capabilities_of(sender.identity) && !dials(sender.identity);
    if (in_vain && doorkeeper.turns_away(sender.identity, *contacts, now, capability_of(sender.identity))) {
        return Failure(Error::not_permitted);
    }
    auto accepted = crypto::Session::accept(device, prekeys, message, random);
    if (!accepted) return Failure(accepted.error());
    auto session = kept(std::move(accepted->session));
    session->put();
    peers[sender].add({.session = session});
    if (devices.knows(sender.identity)) {
        remember(sender);
    } else {
        unanswered.push_back({sender, session});
    }
    bound_unanswered();
    put_prekeys();
    return Incoming{std::move(session), std::move(accepted->first)};
}

// To begin sessions costs a stranger nothing: the oldest of those in which no call was accepted make room. One that a
// call of the client's still uses stays.
void Account::State::bound_unanswered() {
    while (unanswered.size() > max_unanswered) {
        const auto oldest = std::ranges::find_if(unanswered, [&](const auto& begun) {
            return begun.session.use_count() == 1 && peers.contains(begun.peer);
        });
        if (oldest == unanswered.end()) return;
        const auto peer = peers.find(oldest->peer);
        const auto session = oldest->session.lock();
        session->forget();
        std::erase_if(peer->second.sessions, [&](const Peer::Entry& entry) { return entry.session == session; });
        if (peer->second.sessions.empty()) peers.erase(peer);
        unanswered.erase(oldest);
        ++sessions_given_up;
    }
}

Result<Account::State::Incoming> Account::State::open(Bytes message, Instant now) {
    const auto kind = crypto::peek(message);
    if (!kind) return Failure(kind.error());
    if (kind->initial) return open_initial(message, {kind->sender.identity, kind->sender.device}, now);
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
std::shared_ptr<call::KeptSession> Account::State::session_for(const PeerDevice& peer, const Prekeys& offered) const {
    const auto known = peers.find(peer);
    if (known == peers.end() || !known->second.dialled) return nullptr;
    const Prekeys& last = *known->second.dialled;
    // Another signed prekey than last time: the device may have lost its sessions.
    if (last.ids.signed_prekey != offered.ids.signed_prekey) return nullptr;
    // Nothing shows that it ever had this session, which a prekey spoilt or spent would have kept it from.
    const call::KeptSession& first = *known->second.sessions.front().session;
    if (!first.reached() && first.said() && first.sealed_unanswered() > 0 && last != offered) return nullptr;
    return session_for(peer);
}

std::shared_ptr<call::KeptSession> Account::State::session_for(const PeerDevice& peer) const {
    const auto known = peers.find(peer);
    if (known == peers.end()) return nullptr;
    const Peer::Entry& first = known->second.sessions.front();
    if (first.retired || !first.session->can_seal()) return nullptr;
    // Too many messages that nobody replied to: if they were lost, the peer cannot skip them all.
    return first.session->sealed_unanswered() < max_sealed_unanswered ? first.session : nullptr;
}

}  // namespace sotto
