// A store's key out of a passphrase: Argon2id (RFC 9106), its salt and cost in the store (docs/storage.md).
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "sotto/store.h"

namespace sotto::crypto {

// The record in clear that a store with a passphrase has besides the sealed ones.
inline constexpr std::string_view passphrase_record = "passphrase";

struct PassphraseCost {
    std::uint64_t passes = 0;
    std::uint64_t memory = 0;  // bytes
    std::array<std::byte, 16> salt{};
    friend bool operator==(const PassphraseCost&, const PassphraseCost&) = default;
};

// version = 1 || BE64(passes) || BE64(memory) || salt
Buffer write_cost(const PassphraseCost& cost);
// Errors: unsupported_version, damaged_store (of another form, or a cost that no version asks for).
Result<PassphraseCost> parse_cost(Bytes record);

// Error::io_failed where there is not so much memory.
Result<StoreKey> stretch(std::string_view passphrase, const PassphraseCost& cost);

}  // namespace sotto::crypto
