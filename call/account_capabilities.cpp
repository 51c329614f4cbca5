// Who holds a capability of ours, and whose we hold. docs/protocol.md, "Capabilities".
#include <algorithm>

#include "call/account_state.h"

namespace sotto {

// Nobody else can make us keep anything: contacts, people we follow or always let ring, those who were dialled or
// answered, and those who have a capability of ours.
bool Account::State::takes_capabilities_of(const PublicIdentity& person) const {
    if (doorkeeper.blocks(person)) return false;
    return doorkeeper.takes_from(person, *contacts) || devices.knows(person) ||
           capability_of(person) == CapabilityState::live;
}

Result<Buffer> Account::State::seal_grant(call::KeptSession& session) {
    if (doorkeeper.blocks(session.peer())) return Failure(Error::not_permitted);
    const auto given = capabilities.give(session.peer(), random);
    if (!given) return Failure(given.error());
    auto plaintext = call::encode({.call = {}, .body = call::Grant{given->number, given->capability}});
    if (!plaintext) return Failure(plaintext.error());
    auto sealed = session.seal(*plaintext, crypto::Step::keep);
    wipe(plaintext->data(), plaintext->size());
    if (!sealed) return Failure(sealed.error());
    return std::move(sealed->message);
}

Result<void> Account::State::take_grant(const call::KeptSession& session, const call::Grant& grant) {
    remember_answered();
    const PeerDevice from{session.peer(), session.peer_device()};
    if (!takes_capabilities_of(from.identity)) return Failure(Error::not_permitted);
    const auto news = capabilities.take(from, grant.number, grant.capability);
    if (!news) return Failure(news.error());
    if (!*news) return {};
    // The newest alone: a peer that gives one after the other fills nothing.
    std::erase_if(events, [&](const AccountEvent& event) {
        const auto* earlier = std::get_if<CapabilityReceived>(&event);
        return earlier != nullptr && earlier->identity == from.identity && earlier->device == from.device;
    });
    events.push_back(CapabilityReceived{from.identity, from.device});
    return commit();
}

Result<Buffer> Account::grant(const PublicIdentity& person, Bytes bundle) {
    auto way = state_->way_to(person, bundle);
    if (!way) return Failure(way.error());
    auto signal = state_->seal_grant(*way->session);
    if (!signal) {
        if (way->begun) way->session->forget();
        return signal;
    }
    state_->take_way(std::move(*way));
    const auto written = state_->commit();
    if (!written) return Failure(written.error());
    return signal;
}

Result<Buffer> Account::grant(const PublicIdentity& person, const DeviceKey& device) {
    const State::PeerDevice to{person, device};
    const auto admitted = state_->devices.admit(to);
    if (!admitted) return Failure(admitted.error());
    const auto session = state_->session_for(to);
    if (!session) return Failure(Error::unknown_session);
    auto signal = state_->seal_grant(*session);
    if (!signal) return signal;
    const auto written = state_->commit();
    if (!written) return Failure(written.error());
    return signal;
}

Result<void> Account::revoke(const PublicIdentity& person) {
    state_->capabilities.revoke(person);
    state_->doorkeeper.withdraw_exception(person);
    return state_->commit();
}

bool Account::holds_capability(const PublicIdentity& person, const DeviceKey& device) const {
    return state_->capabilities.held({person, device}) != nullptr;
}

bool Account::holds_capability(const PublicIdentity& person) const { return state_->capabilities.holds_any(person); }

std::vector<CapabilityHash> Account::capability_hashes() const { return state_->capabilities.hashes(); }

std::optional<CapabilityHash> Account::capability_hash(const PublicIdentity& person) const {
    return state_->capabilities.hash(person);
}

}  // namespace sotto
