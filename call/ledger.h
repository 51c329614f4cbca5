// What an account keeps across restarts, in records of fixed names, and what of it has changed since it last wrote.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "crypto/sealed_store.h"

namespace sotto::call {

// Of which there is one.
enum class Entry : std::uint8_t { identity, device, prekeys, contacts, devices, policy, capabilities, client };

// Of which there are several with each peer's device.
struct SessionEntry {
    std::array<std::byte, 32> device{};
    std::uint32_t number = 0;  // chosen by the account, unique for the device
    friend auto operator<=>(const SessionEntry&, const SessionEntry&) = default;
};

// A change is pending until commit(): what it enables (a message that may leave, an answer to the user) waits for that.
class Ledger {
  public:
    // Errors: those of SealedStore::open(). Where an older copy was put back, sessions and prekeys are erased with a
    // first commit: what they did since is not known, so the account begins anew with everybody.
    static Result<Ledger> open(Store& store, const StoreKey& key, Random& random);
    // That was so, now or before a restart, and no new prekeys were written since: the directory needs new bundles, and
    // contacts may be older than they should.
    bool rolled_back() const { return rolled_back_; }

    // What was put last, written or still pending; nothing where there is none. Errors: damaged_store, the store's own.
    Result<std::optional<SecretBuffer>> get(Entry entry);
    Result<std::optional<SecretBuffer>> get(const SessionEntry& session);
    Result<std::vector<SessionEntry>> sessions();

    void put(Entry entry, SecretBuffer&& bytes);
    void put(const SessionEntry& session, SecretBuffer&& bytes);
    void erase(const SessionEntry& session);

    // Writes all that is pending, durably, or nothing. After an error it is all still pending, and the next commit
    // tries again.
    Result<void> commit();

  private:
    explicit Ledger(crypto::SealedStore&& store) : store_(std::move(store)) {}

    Result<std::optional<SecretBuffer>> get(const std::string& name);
    Result<void> begin_anew();

    crypto::SealedStore store_;
    std::map<std::string, std::optional<SecretBuffer>> pending_;  // nothing: to be erased
    bool rolled_back_ = false;
};

}  // namespace sotto::call
