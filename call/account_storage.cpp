// What an account keeps in its store, and how it comes back from there. docs/storage.md.
#include <algorithm>

#include "call/account_state.h"

namespace sotto {
namespace {

using call::Entry;

constexpr std::size_t most_for_client = 65536;

SecretBuffer secret_copy(Bytes bytes) {
    SecretBuffer copy(bytes.size());
    std::ranges::copy(bytes, copy.fill().begin());
    return copy;
}

// The device's seed, then its certificate.
SecretBuffer encode(const crypto::Device& device) {
    constexpr std::size_t seed_size = crypto::DeviceSeed::size;
    SecretBuffer bytes(seed_size + crypto::certificate_size);
    std::ranges::copy(device.seed().reveal(), bytes.fill().begin());
    std::ranges::copy(crypto::encode(device.certificate()), bytes.fill().subspan(seed_size).begin());
    return bytes;
}

Result<crypto::Device> parse_device(Bytes bytes) {
    constexpr std::size_t seed_size = crypto::DeviceSeed::size;
    if (bytes.size() < seed_size) return Failure(Error::truncated);
    crypto::DeviceSeed seed;
    std::ranges::copy(bytes.first(seed_size), seed.fill().begin());
    const auto certificate = crypto::parse_certificate(bytes.subspan(seed_size));
    if (!certificate) return Failure(certificate.error());
    return crypto::Device::from_seed(seed, *certificate);
}

Result<crypto::Identity> parse_identity(Bytes bytes) {
    if (bytes.size() != crypto::IdentitySeed::size) return Failure(Error::malformed);
    crypto::IdentitySeed seed;
    std::ranges::copy(bytes, seed.fill().begin());
    return crypto::Identity::from_seed(seed);
}

// What one entry holds, if it is there. One that opens but does not parse was damaged before it was sealed.
template <class Parse>
auto read(call::Ledger& ledger, Entry entry, Parse parse)
    -> Result<std::optional<typename decltype(parse(Bytes()))::value_type>> {
    const auto bytes = ledger.get(entry);
    if (!bytes) return Failure(bytes.error());
    if (!*bytes) return std::nullopt;
    auto parsed = parse((*bytes)->reveal());
    if (!parsed) return Failure(Error::damaged_store);
    return std::move(*parsed);
}

}  // namespace

Result<std::unique_ptr<Account::State>> Account::State::load(std::shared_ptr<call::Ledger> ledger, Random& random) {
    auto device = read(*ledger, Entry::device, parse_device);
    if (!device) return Failure(device.error());
    if (!*device) {
        auto created = on_new_device(crypto::Identity::generate(random), random);
        const auto kept = created->keep_in(std::move(ledger));
        if (!kept) return Failure(kept.error());
        return created;
    }
    auto identity = read(*ledger, Entry::identity, parse_identity);
    auto prekeys = read(*ledger, Entry::prekeys, crypto::PrekeyStore::restore);
    auto contacts = read(*ledger, Entry::contacts, Contacts::parse);
    auto devices = read(*ledger, Entry::devices, call::DeviceBook::restore);
    auto doorkeeper = read(*ledger, Entry::policy, call::Doorkeeper::restore);
    auto capabilities = read(*ledger, Entry::capabilities, call::Capabilities::restore);
    if (!identity) return Failure(identity.error());
    if (!prekeys) return Failure(prekeys.error());
    if (!contacts) return Failure(contacts.error());
    if (!devices) return Failure(devices.error());
    if (!doorkeeper) return Failure(doorkeeper.error());
    if (!capabilities) return Failure(capabilities.error());

    const bool fresh = !*prekeys;  // an older copy was put back
    auto state = std::make_unique<State>(std::move(*identity), std::move(**device),
                                         fresh ? fresh_prekeys(random) : std::move(**prekeys), random);
    state->ledger = std::move(ledger);
    state->rolled_back = state->ledger->rolled_back();
    if (*contacts) *state->contacts = std::move(**contacts);
    if (*devices) state->devices = std::move(**devices);
    if (*doorkeeper) state->doorkeeper = std::move(**doorkeeper);
    if (*capabilities) state->capabilities = std::move(**capabilities);
    if (fresh) state->capabilities.withdraw_all();
    if (fresh) state->devices.skip_offers();
    const auto loaded = state->load_sessions();
    if (!loaded) return Failure(loaded.error());
    if (fresh) {
        const auto written = state->commit_prekeys();
        if (!written) return Failure(written.error());
    }
    return state;
}

// They only open: what we sealed last may not be known here, nor what the peer did since.
Result<void> Account::State::load_sessions() {
    auto entries = ledger->sessions();
    if (!entries) return Failure(entries.error());
    std::ranges::sort(*entries, {}, &call::SessionEntry::number);  // in order of beginning, as `unanswered` is
    for (const call::SessionEntry& entry : *entries) {
        const auto record = ledger->get(entry);
        if (!record) return Failure(record.error());
        auto session = *record ? crypto::Session::restore((*record)->reveal(), random)
                               : Result<crypto::Session>(Failure(Error::damaged_store));
        if (!session || session->peer_device().key != entry.device) return Failure(Error::damaged_store);
        const PeerDevice peer{session->peer(), session->peer_device()};
        auto restored = std::make_shared<call::KeptSession>(std::move(*session), ledger, entry.number);
        if (!devices.knows(peer.identity)) unanswered.push_back({peer, restored});
        peers[peer].add({.session = std::move(restored), .retired = true});
        next_session = std::max(next_session, entry.number + 1);
    }
    return {};
}

Result<void> Account::State::keep_in(std::shared_ptr<call::Ledger> into) {
    ledger = std::move(into);
    if (identity) ledger->put(Entry::identity, secret_copy(identity->seed().reveal()));
    ledger->put(Entry::device, encode(device));
    doorkeeper.must_be_written();
    capabilities.must_be_written();
    const auto keep_sessions = [&] {
        for (auto& [who, peer] : peers) {
            for (const Peer::Entry& entry : peer.sessions) entry.session->keep_in(ledger);
        }
    };
    keep_sessions();
    const auto written = commit_prekeys();
    if (written) return written;
    // What is still pending there must not be written by the next session that seals.
    ledger.reset();
    keep_sessions();
    contacts_put = devices_put = {};
    return written;
}

Result<void> Account::State::commit_prekeys() {
    put_prekeys();
    return ledger ? ledger->commit() : Result<void>{};
}

Result<void> Account::State::commit() {
    put_changes();
    return ledger ? ledger->commit() : Result<void>{};
}

void Account::State::put_prekeys() {
    if (ledger) ledger->put(Entry::prekeys, prekeys.save());
    put_changes();
}

void Account::State::put_changes() {
    remember_answered();
    if (!ledger) return;
    const auto put_changed = [&](Entry entry, Buffer&& now, Buffer& before) {
        if (now == before) return;
        ledger->put(entry, secret_copy(now));
        before = std::move(now);
    };
    put_changed(Entry::contacts, contacts->encode(), contacts_put);
    put_changed(Entry::devices, devices.encode(), devices_put);
    if (doorkeeper.changed()) ledger->put(Entry::policy, secret_copy(doorkeeper.encode()));
    if (capabilities.changed()) ledger->put(Entry::capabilities, capabilities.encode());
}

Result<Account> Account::open(Store& store, const StoreKey& key, Random& random) {
    auto ledger = call::Ledger::open(store, key, random);
    if (!ledger) return Failure(ledger.error());
    auto state = State::load(std::make_shared<call::Ledger>(std::move(*ledger)), random);
    if (!state) return Failure(state.error());
    return Account(std::move(*state));
}

bool Account::rolled_back() const { return state_->rolled_back; }

Result<void> Account::keep_in(Store& store, const StoreKey& key) {
    if (state_->ledger) return Failure(Error::wrong_state);
    auto ledger = call::Ledger::open(store, key, state_->random);
    if (!ledger) return Failure(ledger.error());
    const auto device = ledger->get(Entry::device);
    if (!device) return Failure(device.error());
    if (*device) return Failure(Error::wrong_state);
    return state_->keep_in(std::make_shared<call::Ledger>(std::move(*ledger)));
}

Result<void> Account::keep_for_client(SecretBuffer&& secret) {
    if (!state_->ledger) return Failure(Error::wrong_state);
    if (secret.size() > most_for_client) return Failure(Error::too_large);
    const auto before = kept_for_client();
    if (!before) return Failure(before.error());
    if (std::ranges::equal(before->reveal(), secret.reveal())) return {};
    state_->ledger->put(Entry::client, std::move(secret));
    return state_->commit();
}

Result<SecretBuffer> Account::kept_for_client() {
    if (!state_->ledger) return Failure(Error::wrong_state);
    auto kept = state_->ledger->get(Entry::client);
    if (!kept) return Failure(kept.error());
    return *kept ? std::move(**kept) : SecretBuffer();
}

Result<void> Account::save() { return state_->commit(); }

}  // namespace sotto
