// A store's two marks, in clear but authentic: the header, which names the store and proves the key, and the anchor,
// which says how far it has come (docs/storage.md). And the keys that a store's key gives.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "crypto/sealed_record.h"
#include "sotto/store.h"

namespace sotto::crypto {

using StoreId = std::array<std::byte, 16>;  // random

// Of one store: two stores under the same client's key share none of them.
struct StoreKeys {
    RecordKey records;
    Secret<struct NameKeyRole, 32> names;
    Secret<struct MarkKeyRole, 32> marks;
};
StoreKeys derive_store_keys(const StoreKey& key, const StoreId& store);

// What the Store knows a record by: 64 digits that tell nothing of the name.
std::string hidden_name(const StoreKeys& keys, std::string_view name);

// "Sotto store" || version || store id || mark. The id stands in clear because the keys depend on it.
Buffer write_header(const StoreKeys& keys, const StoreId& store);
// Errors: foreign_store (not a header), unsupported_version.
Result<StoreId> parse_header(Bytes header);
// Whether the keys are those that it was written with.
bool proves(Bytes header, const StoreKeys& keys);

// "Sotto anchor" || store id || BE64(generation) || mark
Buffer write_anchor(const StoreKeys& keys, const StoreId& store, std::uint64_t generation);
// The generation; nothing for the anchor of another store, or one that was changed.
std::optional<std::uint64_t> parse_anchor(Bytes anchor, const StoreKeys& keys, const StoreId& store);

}  // namespace sotto::crypto
