// What an account knows and says about devices: those of its own identity, and those of its peers.
#include <algorithm>
#include <iterator>

#include "call/account_state.h"

namespace sotto {

void Account::State::remember(const PeerDevice& peer) {
    if (const auto added = devices.add(peer)) events.push_back(*added);
}

// Whose call our user accepted is no stranger any more, nor is another device of somebody we know.
void Account::State::remember_answered() {
    std::erase_if(unanswered, [&](const Unanswered& begun) {
        const auto session = begun.session.lock();
        if (!session) return true;
        if (session->is_welcome()) remember(begun.peer);
        return devices.knows(begun.peer.identity);
    });
}

// docs/protocol.md, section 2: a list revokes wherever a device stands.
void Account::State::end_sessions_of_revoked() {
    const auto revoked = [&](const PeerDevice& peer) {
        const auto admitted = devices.admit(peer);
        return !admitted && admitted.error() == Error::revoked;
    };
    for (auto& [who, peer] : peers) {
        if (!revoked(who)) continue;
        for (const Peer::Entry& entry : peer.sessions) entry.session->forget();
    }
    std::erase_if(peers, [&](const auto& entry) { return revoked(entry.first); });
    std::erase_if(unanswered, [&](const Unanswered& begun) { return revoked(begun.peer); });
    capabilities.forget_held(revoked);
    for (const auto& weak : calls) {
        const auto call = weak.lock();
        if (!call) continue;
        for (const DeviceKey& theirs : call->peer_devices()) {
            if (revoked({call->peer(), theirs}) && call->leave(theirs)) call->hang_up();
        }
    }
}

DeviceRequest DeviceRequest::create(Random& random) {
    crypto::DeviceSeed seed;
    random.fill(seed.fill());
    DeviceRequest request;
    std::ranges::copy(seed.reveal(), request.seed_.fill().begin());
    request.key_ = crypto::device_key_of(seed);
    return request;
}

Result<Account> Account::join(DeviceRequest&& request, Bytes certificate, Random& random) {
    const auto parsed = crypto::parse_certificate(certificate);
    if (!parsed) return Failure(parsed.error());
    crypto::DeviceSeed seed;
    std::ranges::copy(request.seed_.reveal(), seed.fill().begin());
    auto device = crypto::Device::from_seed(seed, *parsed);
    if (!device) return Failure(device.error());
    const auto consumed = std::move(request.seed_);
    return Account(std::make_unique<State>(std::nullopt, std::move(*device), State::fresh_prekeys(random), random));
}

Result<Buffer> Account::certify(const DeviceKey& device) {
    if (!state_->identity) return Failure(Error::wrong_state);
    const auto valid = crypto::check_key(device);
    if (!valid) return Failure(valid.error());
    const auto certified = state_->devices.certify({identity(), device});
    if (!certified) return Failure(certified.error());
    const auto written = state_->commit();
    if (!written) return Failure(written.error());
    return crypto::encode(crypto::certify(*state_->identity, device));
}

std::vector<DeviceKey> Account::devices() const { return state_->devices.devices(identity()); }

bool Account::revoked(const PublicIdentity& person, const DeviceKey& device) const {
    const auto admitted = state_->devices.admit({person, device});
    return !admitted && admitted.error() == Error::revoked;
}

Result<void> Account::remove_device(const DeviceKey& device) {
    if (!state_->identity) return Failure(Error::wrong_state);
    if (device == this->device()) return Failure(Error::invalid_argument);
    const auto removed = state_->devices.remove({identity(), device});
    if (!removed) return removed;
    state_->end_sessions_of_revoked();
    return state_->commit();
}

Result<Buffer> Account::publish_devices() {
    if (!state_->identity) return Failure(Error::wrong_state);
    const auto listed = state_->devices.certify(state_->ours());  // another device's list may have left us out
    if (!listed) return Failure(listed.error());
    const auto sequence = state_->devices.next_sequence(identity());
    if (!sequence) return Failure(sequence.error());
    const auto written = state_->commit();
    if (!written) return Failure(written.error());
    return crypto::encode(crypto::make_list(*state_->identity, *sequence, state_->devices.devices(identity())));
}

Result<void> Account::learn_devices(Bytes list) {
    const auto parsed = crypto::parse_device_list(list);
    if (!parsed) return Failure(parsed.error());
    const auto checked = crypto::check(*parsed);
    if (!checked) return checked;
    state_->remember_answered();
    auto events = state_->devices.learn(*parsed);
    if (!events) return Failure(events.error());
    std::ranges::move(*events, std::back_inserter(state_->events));
    state_->end_sessions_of_revoked();
    return state_->commit();
}

std::optional<AccountEvent> Account::event() {
    if (state_->events.empty()) return std::nullopt;
    const AccountEvent next = state_->events.front();
    state_->events.pop_front();
    return next;
}

}  // namespace sotto
