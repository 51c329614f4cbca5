// A store seen from inside: records by their true names, sealed on the way out, and an answer to whether this is the
// newest copy (docs/storage.md).
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/store_index.h"
#include "crypto/store_marks.h"
#include "sotto/store.h"

namespace sotto::crypto {

// One record to write, or to erase where there is no value. The value is the caller's until the commit has returned.
struct SecretChange {
    std::string name;  // 1 to 255 bytes
    const SecretBuffer* value = nullptr;
};

class SealedStore {
  public:
    // Opens what `store` keeps, or founds it where that is empty. Both must outlive the SealedStore.
    // Errors: foreign_store (not ours, or another key's), unsupported_version, damaged_store (a record is missing or
    // does not open), the store's own.
    static Result<SealedStore> open(Store& store, const StoreKey& key, Random& random);

    // The anchor is of a later commit, of another store, or gone: this is an older copy put back. It stays so until the
    // next commit, which should drop whatever an older copy must not go on with.
    bool rolled_back() const { return rolled_back_; }
    // Grows with each commit; no two commits of a store share one, not even after an older copy was put back.
    std::uint64_t generation() const { return generation_; }

    // Errors: damaged_store, the store's own.
    Result<std::optional<SecretBuffer>> read(std::string_view name);
    // In ascending order.
    Result<std::vector<std::string>> names(std::string_view prefix);
    // All or nothing, durable once it returns. After an error the store holds the state before or the state after; the
    // next use finds out which, and to commit the same again is right in both cases.
    // Errors: invalid_argument (a name), the store's own.
    Result<void> commit(std::span<const SecretChange> changes);

  private:
    SealedStore(Store& store, StoreKeys&& keys, const StoreId& id, Random& random)
        : store_(&store), random_(&random), keys_(std::move(keys)), id_(id) {}

    static Result<SealedStore> found(Store& store, const StoreKey& key, Random& random);
    Result<void> load();
    Result<void> settle();
    Result<void> compare_with_anchor();
    Change seal_head(const StoreIndex& index, std::uint64_t generation);

    Store* store_;
    Random* random_;
    StoreKeys keys_;
    StoreId id_;
    StoreIndex index_;
    std::uint64_t generation_ = 0;
    std::uint64_t last_tried_ = 0;  // the highest that a commit has used, written or not
    bool in_doubt_ = false;         // a commit failed: it may have been written
    bool rolled_back_ = false;
};

}  // namespace sotto::crypto
