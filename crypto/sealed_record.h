// One record as a store keeps it: encrypted, and bound to its name and to the commit that wrote it (docs/storage.md).
#pragma once

#include <cstdint>
#include <string_view>

#include "sotto/bytes.h"
#include "sotto/error.h"
#include "sotto/random.h"
#include "sotto/secret.h"

namespace sotto::crypto {

using RecordKey = Secret<struct RecordKeyRole, 32>;

// What the associated data begin with, and what a store's header says.
inline constexpr std::uint8_t store_version = 1;

// BE64(generation) || nonce || XChaCha20-Poly1305(key, nonce, plaintext, version || name || BE64(generation))
struct SealedRecord {
    std::uint64_t generation = 0;  // of the commit that wrote it
    Bytes nonce;
    Bytes sealed;
};

// A view of its parts. Error::damaged_store for one that is too short.
Result<SealedRecord> parse_record(Bytes record);

// The nonce is random: with 192 bits of it, copies of a store that go on apart don't meet either.
Buffer seal_record(const RecordKey& key, std::string_view name, std::uint64_t generation, Bytes plaintext,
                   Random& random);

struct OpenedRecord {
    std::uint64_t generation = 0;
    SecretBuffer plaintext;
};
// Error::damaged_store for bytes that were changed, or sealed under another key or name.
Result<OpenedRecord> open_record(const RecordKey& key, std::string_view name, Bytes record);

}  // namespace sotto::crypto
