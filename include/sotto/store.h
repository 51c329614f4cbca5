// Where an account keeps what outlives the program: records by name, written all or nothing. Clients may implement it;
// sotto/store_sqlite.h is one in a file. docs/storage.md says what is kept, and what a copy of it tells.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sotto/bytes.h"
#include "sotto/error.h"
#include "sotto/export.h"
#include "sotto/random.h"
#include "sotto/secret.h"

namespace sotto {

// One record that a commit writes, or erases where there is no value.
struct Change {
    std::string name;  // 1 to 255 bytes
    std::optional<Buffer> value;
};

// Whatever it is given is sealed already, names too: an implementation sees no secret and need not protect what it
// keeps. One account at a time uses it, from one thread at a time.
class SOTTO_API Store {
  public:
    static constexpr std::size_t max_name = 255;

    virtual ~Store() = default;

    // The record's bytes; nothing where there is no such record.
    virtual Result<std::optional<Buffer>> read(std::string_view name) = 0;
    // The names that begin with `prefix`, in any order.
    virtual Result<std::vector<std::string>> names(std::string_view prefix) = 0;
    // All changes, in their order, or none; and they survive a crash and a loss of power once this returns. After an
    // error either may be the case, and read() tells which.
    virtual Result<void> commit(std::span<const Change> changes) = 0;

    // The anchor tells an older copy of the records from the newest: up to 128 bytes, replaced after each commit, which
    // should live where the records' backups don't reach (another folder, the platform's keychain). It holds no secret.
    // A store without one, or that gives an older one back, counts as an older copy: sessions begin anew.
    virtual Result<std::optional<Buffer>> read_anchor() = 0;
    virtual Result<void> write_anchor(Bytes anchor) = 0;
};

// For tests, and for accounts that keep nothing. A copy of it is a backup.
class SOTTO_API MemoryStore final : public Store {
  public:
    Result<std::optional<Buffer>> read(std::string_view name) override;
    Result<std::vector<std::string>> names(std::string_view prefix) override;
    Result<void> commit(std::span<const Change> changes) override;
    Result<std::optional<Buffer>> read_anchor() override;
    Result<void> write_anchor(Bytes anchor) override;

  private:
    std::map<std::string, Buffer, std::less<>> records_;
    std::optional<Buffer> anchor_;
};

// Under which a store's records are sealed. The client holds it (in the platform's keychain, in hardware) or has it
// made from a passphrase. Whoever has it and the records is this account.
using StoreKey = Secret<struct StoreKeyRole, 32>;

// The key by Argon2id (RFC 9106), at a cost of 256 MiB and most of a second. Salt and cost stand in the store, in
// clear; the first call, on an empty store, draws and writes them. A wrong passphrase gives another key: opening then
// says foreign_store. Errors: foreign_store (the store is not of a passphrase), damaged_store, io_failed, the store's
// own.
SOTTO_API Result<StoreKey> store_key_from_passphrase(std::string_view passphrase, Store& store,
                                                     Random& random = system_random());

}  // namespace sotto
