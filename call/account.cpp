#include "sotto/account.h"

#include <algorithm>

#include "call/account_state.h"
#include "crypto/safety_number.h"

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

Result<crypto::PrekeyBundle> checked_bundle(Bytes bytes) {
    auto bundle = crypto::parse_bundle(bytes);
    if (!bundle) return bundle;
    const auto checked = crypto::check(*bundle);
    if (!checked) return Failure(checked.error());
    return bundle;
}

}  // namespace

void Account::State::Peer::add(std::shared_ptr<call::KeptSession> session, bool retired) {
    sessions.push_front({std::move(session), retired});
    if (sessions.size() <= max_sessions) return;
    sessions.back().session->forget();
    sessions.pop_back();
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
    peers[sender].add(session);
    if (devices.knows(sender.identity)) {
        remember(sender);
    } else {
        unanswered.push_back({sender, session});
    }
    bound_unanswered();
    const auto written = commit_prekeys();
    if (!written) return Failure(written.error());
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
std::shared_ptr<call::KeptSession> Account::State::session_for(const PeerDevice& peer,
                                                               crypto::PrekeyId signed_prekey) const {
    const auto known = peers.find(peer);
    // Another signed prekey than last time: the device may have lost its sessions.
    if (known == peers.end() || known->second.dialled_prekey != signed_prekey) return nullptr;
    return session_for(peer);
}

std::shared_ptr<call::KeptSession> Account::State::session_for(const PeerDevice& peer) const {
    const auto known = peers.find(peer);
    if (known == peers.end()) return nullptr;
    const auto& [first, retired] = known->second.sessions.front();
    if (retired || !first->can_seal()) return nullptr;
    // Too many messages that nobody replied to: if they were lost, the peer cannot skip them all.
    return first->sealed_unanswered() < max_sealed_unanswered ? first : nullptr;
}

std::shared_ptr<detail::CallCore> Account::State::find_call(const CallId& id, const PeerDevice& peer) const {
    for (const auto& weak : calls) {
        auto call = weak.lock();
        if (call && call->id() == id && call->with(peer.identity, peer.device)) return call;
    }
    return nullptr;
}

std::shared_ptr<detail::CallCore> Account::State::call_with(const PeerDevice& peer, bool (*in)(CallState)) const {
    for (const auto& weak : calls) {
        auto call = weak.lock();
        if (call && in(call->state()) && call->with(peer.identity, peer.device)) return call;
    }
    return nullptr;
}

bool Account::State::dials(const PublicIdentity& peer) const {
    return std::ranges::any_of(calls, [&](const auto& weak) {
        const auto call = weak.lock();
        return call && call::dialling(call->state()) && call->peer() == peer;
    });
}

void Account::State::forgo(const PeerDevice& peer, const CallId& id) {
    if (forgone.size() == max_forgone) forgone.pop_front();
    forgone.emplace_back(peer, id);
}

Result<std::optional<std::shared_ptr<detail::CallCore>>> Account::State::receive(Bytes message, Instant now) {
    auto incoming = open(message, now);
    if (!incoming) return Failure(incoming.error());
    Buffer& plaintext = incoming->opened.plaintext;
    auto taken = take(*incoming, now);
    wipe(plaintext.data(), plaintext.size());  // it may hold a capability
    return taken;
}

Result<std::optional<std::shared_ptr<detail::CallCore>>> Account::State::take(Incoming& incoming, Instant now) {
    const auto signal = call::parse_signal(incoming.opened.plaintext);
    if (!signal) return Failure(signal.error());
    if (const auto* grant = std::get_if<call::Grant>(&signal->body)) {
        const auto taken = take_grant(*incoming.session, *grant);
        if (!taken) return Failure(taken.error());
        return std::nullopt;
    }
    std::erase_if(calls, [](const auto& weak) { return weak.expired(); });
    const PeerDevice from{incoming.session->peer(), incoming.session->peer_device()};
    if (const auto existing = find_call(signal->call, from)) {
        const auto received = existing->receive_signal(from.device, *signal, std::move(incoming.opened.exported),
                                                       existing->time().at(now));
        const auto* answer = std::get_if<call::Answer>(&signal->body);
        if (answer != nullptr && answer->withdrawn) forgo(from, *answer->withdrawn);
        if (!received) return Failure(received.error());
        return std::nullopt;
    }
    if (std::holds_alternative<call::HangUp>(signal->body)) forgo(from, signal->call);
    if (!std::holds_alternative<call::Offer>(signal->body)) return Failure(Error::unknown_call);
    if (std::ranges::find(forgone, std::pair(from, signal->call)) != forgone.end()) return Failure(Error::unknown_call);
    return receive_offer(incoming, *signal, now);
}

Result<std::optional<std::shared_ptr<detail::CallCore>>> Account::State::receive_offer(Incoming& incoming,
                                                                                       const call::CallSignal& signal,
                                                                                       Instant now) {
    const auto& offer = std::get<call::Offer>(signal.body);
    const PeerDevice from{incoming.session->peer(), incoming.session->peer_device()};
    if (const auto ours = call_with(from, call::dialling)) {
        const auto crossed = ours->cross(incoming.session, signal.call, offer, std::move(incoming.opened.exported),
                                         ours->time().at(now));
        if (!crossed) return Failure(crossed.error());
        return std::nullopt;
    }
    if (const auto lost = call_with(from, call::talking)) lost->redialled(lost->time().at(now));
    const auto shown = capabilities.state(from.identity, offer.capability);
    const Decision decision = doorkeeper.answer(from.identity, *contacts, now, shown);
    if (decision.verdict != Verdict::allow) return Failure(Error::not_permitted);
    auto call = detail::CallCore::ring(incoming.session, device.identity(), signal.call, offer,
                                       std::move(incoming.opened.exported), random, now);
    call->look_up_in(contacts);
    calls.push_back(call);
    return call;
}

Account::Account(std::unique_ptr<State> state) : state_(std::move(state)) {}
Account::Account(Account&&) noexcept = default;
Account& Account::operator=(Account&&) noexcept = default;
Account::~Account() = default;

Account Account::create(Random& random) {
    return Account(State::on_new_device(crypto::Identity::generate(random), random));
}

Account Account::restore(const AccountSeed& seed, Random& random) {
    crypto::IdentitySeed identity_seed;
    std::ranges::copy(seed.reveal(), identity_seed.fill().begin());
    return Account(State::on_new_device(crypto::Identity::from_seed(identity_seed), random));
}

const PublicIdentity& Account::identity() const { return state_->device.identity(); }
const DeviceKey& Account::device() const { return state_->device.key(); }

Result<AccountSeed> Account::seed() const {
    if (!state_->identity) return Failure(Error::wrong_state);
    AccountSeed seed;
    std::ranges::copy(state_->identity->seed().reveal(), seed.fill().begin());
    return seed;
}

Result<Buffer> Account::bundle() {
    auto bundle = crypto::encode(state_->prekeys.publish(state_->device));
    const auto written = state_->commit_prekeys();
    if (!written) return Failure(written.error());
    return bundle;
}

std::size_t Account::one_time_prekeys_left() const { return state_->prekeys.one_time_left(); }

Result<void> Account::renew_prekeys() {
    state_->prekeys.renew(State::one_time_prekeys, state_->random);
    return state_->commit_prekeys();
}

Result<Account::State::Way> Account::State::way_to(const PublicIdentity& peer, Bytes bundle) {
    const auto checked = checked_bundle(bundle);
    if (!checked) return Failure(checked.error());
    if (checked->owner.identity != peer) return Failure(Error::wrong_identity);
    Way way{.to = {peer, checked->owner.device}, .session = {}, .signed_prekey = checked->signed_prekey.id};
    remember_answered();
    const auto admitted = devices.admit(way.to);
    if (!admitted) return Failure(admitted.error());
    way.session = session_for(way.to, way.signed_prekey);
    way.begun = way.session == nullptr;
    if (way.begun) {
        auto started = crypto::Session::initiate(device, *checked, random);
        if (!started) return Failure(started.error());
        way.session = kept(std::move(*started));
    }
    return way;
}

void Account::State::take_way(Way&& way) {
    remember(way.to);
    Peer& known = peers[way.to];
    // Another signed prekey than last time: a message of before that comes late must not bring a lost session back.
    if (known.dialled_prekey != 0 && known.dialled_prekey != way.signed_prekey) {
        for (Peer::Entry& entry : known.sessions) entry.retired = true;
    }
    if (way.begun) known.add(std::move(way.session));
    known.dialled_prekey = way.signed_prekey;
}

Result<std::vector<Account::State::Way>> Account::State::ways_to(const PublicIdentity& peer,
                                                                 std::span<const Bytes> bundles) {
    const auto theirs = [](CallState state) { return state == CallState::ringing || call::talking(state); };
    std::vector<Way> ways;
    for (const Bytes bundle : bundles) {
        auto way = way_to(peer, bundle);
        if (!way) return Failure(way.error());
        if (call_with(way->to, theirs)) return Failure(Error::wrong_state);
        if (std::ranges::find(ways, way->to, &Way::to) == ways.end()) ways.push_back(std::move(*way));
    }
    if (ways.empty()) return Failure(Error::invalid_argument);
    return ways;
}

Result<std::shared_ptr<detail::CallCore>> Account::State::dial(const PublicIdentity& peer,
                                                               std::span<const Bytes> bundles,
                                                               const CallSettings& settings, Instant now) {
    auto ways = ways_to(peer, bundles);
    if (!ways) return Failure(ways.error());
    std::vector<detail::CallTarget> targets;
    for (const Way& way : *ways) targets.push_back({way.session, capabilities.held(way.to)});
    auto core = detail::CallCore::dial(targets, device.identity(), settings, random, now);
    if (!core) {
        for (const Way& way : *ways) {
            if (way.begun) way.session->forget();
        }
        return core;
    }
    for (Way& way : *ways) take_way(std::move(way));
    const auto written = commit();
    if (!written) return Failure(written.error());
    (*core)->look_up_in(contacts);
    calls.push_back(*core);
    return core;
}

Result<Call> Account::dial(const PublicIdentity& peer, std::span<const Bytes> bundles, const CallSettings& settings,
                           Instant now) {
    auto core = state_->dial(peer, bundles, settings, now);
    if (!core) return Failure(core.error());
    return Call(std::move(*core));
}

Result<Call> Account::dial(const PublicIdentity& peer, Bytes bundle, const CallSettings& settings, Instant now) {
    return dial(peer, std::span(&bundle, 1), settings, now);
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
    return save();
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
    return checked->owner.identity;
}

Result<DeviceKey> bundle_device(Bytes bundle) {
    const auto checked = checked_bundle(bundle);
    if (!checked) return Failure(checked.error());
    return checked->owner.device;
}

SafetyNumber safety_number(const PublicIdentity& a, const PublicIdentity& b) { return crypto::safety_number(a, b); }

}  // namespace sotto
