#include "sotto/account.h"

#include <algorithm>

#include "call/account_state.h"
#include "crypto/safety_number.h"

namespace sotto {
namespace {

Result<crypto::PrekeyBundle> checked_bundle(Bytes bytes) {
    auto bundle = crypto::parse_bundle(bytes);
    if (!bundle) return bundle;
    const auto checked = crypto::check(*bundle);
    if (!checked) return Failure(checked.error());
    return bundle;
}

}  // namespace

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

Result<std::optional<std::shared_ptr<detail::CallCore>>> Account::State::receive(Bytes message, Instant now,
                                                                                 Duration age) {
    auto incoming = open(message, now);
    if (!incoming) return Failure(incoming.error());
    incoming->age = age;
    Buffer& plaintext = incoming->opened.plaintext;
    auto taken = take(*incoming, now);
    wipe(plaintext.data(), plaintext.size());  // it may hold a capability
    const auto kept = incoming->session->keep();
    if (!kept) return Failure(kept.error());
    return taken;
}

Result<std::optional<std::shared_ptr<detail::CallCore>>> Account::State::take(Incoming& incoming, Instant now) {
    const auto signal = call::parse_signal(incoming.opened.plaintext);
    if (!signal) return Failure(signal.error());
    // An offer is kept with the word that it rings: one commit, which the caller waits for.
    const bool is_offer = std::holds_alternative<call::Offer>(signal->body);
    const auto kept = is_offer ? Result<void>{} : incoming.session->keep();
    if (!kept) return Failure(kept.error());
    if (const auto* grant = std::get_if<call::Grant>(&signal->body)) {
        const auto taken = take_grant(*incoming.session, *grant);
        if (!taken) return Failure(taken.error());
        return std::nullopt;
    }
    std::erase_if(calls, [](const auto& weak) { return weak.expired(); });
    const PeerDevice from{incoming.session->peer(), incoming.session->peer_device()};
    std::uint32_t& heard = peers.at(from).heard;
    if (const auto* answer = std::get_if<call::Answer>(&signal->body)) heard = std::max(heard, answer->number);
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
    // One that the carrier held back until we are in a later call with the device ends nothing, and crosses nothing.
    std::uint32_t& heard = peers.at(from).heard;
    const auto ours = call_with(from, call::dialling);
    const auto lost = call_with(from, call::talking);
    const bool late = offer.number <= heard || incoming.age > ring_timeout;
    heard = std::max(heard, offer.number);
    if ((ours || lost) && late) return Failure(Error::outdated);
    const auto kept = ours || lost ? incoming.session->keep() : Result<void>{};
    if (!kept) return Failure(kept.error());
    if (ours) {
        const auto crossed = ours->cross(incoming.session, signal.call, offer, std::move(incoming.opened.exported),
                                         ours->time().at(now));
        if (!crossed) return Failure(crossed.error());
        return std::nullopt;
    }
    if (lost) lost->redialled(lost->time().at(now));
    const auto shown = capabilities.state(from.identity, offer.capability);
    const Decision decision = doorkeeper.answer(from.identity, *contacts, now, shown);
    if (decision.verdict != Verdict::allow) return Failure(Error::not_permitted);
    auto call = detail::CallCore::ring(incoming.session, devices.last_offer(from), device.identity(), signal.call,
                                       offer, std::move(incoming.opened.exported), random, now);
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

Buffer Account::lasting_bundle() const { return crypto::encode(state_->prekeys.publish_lasting(state_->device)); }

std::size_t Account::one_time_prekeys_left() const { return state_->prekeys.one_time_left(); }

Result<void> Account::renew_prekeys() {
    state_->prekeys.renew(State::one_time_prekeys, state_->random);
    return state_->commit_prekeys();
}

Result<Account::State::Way> Account::State::way_to(const PublicIdentity& peer, Bytes bundle) {
    const auto checked = checked_bundle(bundle);
    if (!checked) return Failure(checked.error());
    if (checked->owner.identity != peer) return Failure(Error::wrong_identity);
    Way way{.to = {peer, checked->owner.device}, .session = {}, .prekeys = Prekeys::of(*checked)};
    remember_answered();
    const auto admitted = devices.admit(way.to);
    if (!admitted) return Failure(admitted.error());
    way.session = session_for(way.to, way.prekeys);
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
    if (known.dialled && known.dialled->ids.signed_prekey != way.prekeys.ids.signed_prekey) {
        for (Peer::Entry& entry : known.sessions) entry.retired = true;
    }
    if (way.begun) known.add({.session = std::move(way.session)});
    known.dialled = way.prekeys;
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
    for (const Way& way : *ways) {
        targets.push_back({way.session, capabilities.held(way.to), devices.next_offer(way.to)});
    }
    auto core = detail::CallCore::dial(targets, device.identity(), settings, random, now);
    if (!core) {
        for (const Way& way : *ways) {
            if (way.begun) way.session->forget();
        }
        return core;
    }
    for (Way& way : *ways) {
        const PeerDevice to = way.to;
        take_way(std::move(way));
        devices.offered(to);
    }
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

Result<std::optional<Call>> Account::receive(Bytes signal, Instant now, Duration age) {
    auto received = state_->receive(signal, now, age);
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
