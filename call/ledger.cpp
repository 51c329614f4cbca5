#include "call/ledger.h"

#include <algorithm>
#include <charconv>
#include <string_view>

#include "sotto/identity.h"

namespace sotto::call {
namespace {

constexpr std::string_view session_prefix = "session/";
constexpr std::string_view rolled_back_mark = "rolled back";

std::string name_of(Entry entry) {
    switch (entry) {
        case Entry::identity: return "identity";
        case Entry::device: return "device";
        case Entry::prekeys: return "prekeys";
        case Entry::contacts: return "contacts";
        case Entry::devices: return "devices";
        case Entry::policy: return "policy";
        case Entry::capabilities: return "capabilities";
        case Entry::client: return "client";
    }
    return {};
}

// session/<device, 64 digits>/<number>
std::string name_of(const SessionEntry& session) {
    return std::string(session_prefix) + to_hex(session.device) + "/" + std::to_string(session.number);
}

std::optional<SessionEntry> session_named(std::string_view name) {
    constexpr std::size_t digits = 2 * sizeof(SessionEntry::device);
    if (!name.starts_with(session_prefix)) return std::nullopt;
    name.remove_prefix(session_prefix.size());
    const auto device = from_hex(name.substr(0, digits));
    SessionEntry session;
    if (name.size() <= digits + 1 || !device || device->size() != session.device.size()) return std::nullopt;
    std::ranges::copy(*device, session.device.begin());
    const auto read = std::from_chars(name.data() + digits + 1, name.data() + name.size(), session.number);
    if (read.ec != std::errc{} || std::string(session_prefix).append(name) != name_of(session)) return std::nullopt;
    return session;
}

SecretBuffer copy_of(const SecretBuffer& bytes) {
    SecretBuffer copy(bytes.size());
    std::ranges::copy(bytes.reveal(), copy.fill().begin());
    return copy;
}

}  // namespace

Result<Ledger> Ledger::open(Store& store, const StoreKey& key, Random& random) {
    auto sealed = crypto::SealedStore::open(store, key, random);
    if (!sealed) return Failure(sealed.error());
    Ledger ledger(std::move(*sealed));
    if (ledger.store_.rolled_back()) {
        if (const auto begun = ledger.begin_anew(); !begun) return Failure(begun.error());
    }
    const auto mark = ledger.store_.read(rolled_back_mark);
    if (!mark) return Failure(mark.error());
    ledger.rolled_back_ = mark->has_value();
    return ledger;
}

// One commit, which moves the anchor too: a crash leaves the older copy as it was found, or this answer to it.
Result<void> Ledger::begin_anew() {
    const auto names = store_.names(session_prefix);
    if (!names) return Failure(names.error());
    for (const auto& name : *names) pending_.insert_or_assign(name, std::nullopt);
    pending_.insert_or_assign(name_of(Entry::prekeys), std::nullopt);
    pending_.insert_or_assign(std::string(rolled_back_mark), SecretBuffer{});
    return commit();
}

Result<std::optional<SecretBuffer>> Ledger::get(const std::string& name) {
    const auto pending = pending_.find(name);
    if (pending == pending_.end()) return store_.read(name);
    if (!pending->second) return std::nullopt;
    return copy_of(*pending->second);
}

Result<std::optional<SecretBuffer>> Ledger::get(Entry entry) { return get(name_of(entry)); }

Result<std::optional<SecretBuffer>> Ledger::get(const SessionEntry& session) { return get(name_of(session)); }

Result<std::vector<SessionEntry>> Ledger::sessions() {
    const auto written = store_.names(session_prefix);
    if (!written) return Failure(written.error());
    std::vector<SessionEntry> found;
    for (const auto& name : *written) {
        const auto session = session_named(name);
        if (!session) return Failure(Error::damaged_store);
        if (!pending_.contains(name)) found.push_back(*session);
    }
    for (const auto& [name, value] : pending_) {
        if (const auto session = session_named(name); session && value) found.push_back(*session);
    }
    std::ranges::sort(found);
    return found;
}

void Ledger::put(Entry entry, SecretBuffer&& bytes) {
    pending_.insert_or_assign(name_of(entry), std::move(bytes));
    if (entry == Entry::prekeys && rolled_back_) pending_.insert_or_assign(std::string(rolled_back_mark), std::nullopt);
}

void Ledger::put(const SessionEntry& session, SecretBuffer&& bytes) {
    pending_.insert_or_assign(name_of(session), std::move(bytes));
}

void Ledger::erase(const SessionEntry& session) { pending_.insert_or_assign(name_of(session), std::nullopt); }

Result<void> Ledger::commit() {
    if (pending_.empty()) return {};
    std::vector<crypto::SecretChange> changes;
    changes.reserve(pending_.size());
    for (const auto& [name, value] : pending_) changes.push_back({name, value ? &*value : nullptr});
    const auto written = store_.commit(changes);
    if (written) pending_.clear();
    return written;
}

}  // namespace sotto::call
