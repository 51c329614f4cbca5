// Which records a store has and which commit wrote each: what its head record says (docs/storage.md).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "sotto/bytes.h"
#include "sotto/error.h"
#include "sotto/secret.h"

namespace sotto::crypto {

// From a record's name to the generation of the commit that wrote it.
using StoreIndex = std::map<std::string, std::uint64_t, std::less<>>;

// BE32(count), then each record's name, strictly ascending as bytes: size (1), name, BE64(generation).
SecretBuffer write_index(const StoreIndex& index);
// Error::damaged_store for anything else.
Result<StoreIndex> parse_index(Bytes bytes);

}  // namespace sotto::crypto
