#include "crypto/store_key.h"

#include <sodium.h>

#include "base/byte_reader.h"
#include "base/byte_writer.h"
#include "crypto/primitives.h"
#include "crypto/raw.h"

namespace sotto::crypto {
namespace {

constexpr std::uint8_t cost_version = 1;  // Argon2id 1.3, one lane, as crypto_pwhash computes it

// What this version asks for: libsodium's "moderate", 3 passes over 256 MiB.
constexpr std::uint64_t passes_now = crypto_pwhash_argon2id_OPSLIMIT_MODERATE;
constexpr std::uint64_t memory_now = crypto_pwhash_argon2id_MEMLIMIT_MODERATE;

// What a later one may have asked for. A damaged record must not make us fill the machine; and none asks for less, or
// whoever can write to a store before its owner does would make the passphrase cheap to guess.
constexpr std::uint64_t passes_max = 64;
constexpr std::uint64_t memory_max = std::uint64_t{1} << 30;

static_assert(sizeof(PassphraseCost::salt) == crypto_pwhash_argon2id_SALTBYTES);

}  // namespace

Buffer write_cost(const PassphraseCost& cost) {
    Buffer record(1 + 8 + 8 + cost.salt.size());
    ByteWriter(record).u8(cost_version).u64(cost.passes).u64(cost.memory).bytes(cost.salt);
    return record;
}

Result<PassphraseCost> parse_cost(Bytes record) {
    ByteReader reader(record);
    const auto version = reader.u8();
    if (version && *version != cost_version) return Failure(Error::unsupported_version);
    const auto passes = reader.u64();
    const auto memory = reader.u64();
    const auto salt = reader.array<crypto_pwhash_argon2id_SALTBYTES>();
    if (!version || !passes || !memory || !salt || !reader.empty()) return Failure(Error::damaged_store);
    if (*passes < passes_now || *passes > passes_max || *memory < memory_now || *memory > memory_max) {
        return Failure(Error::damaged_store);
    }
    return PassphraseCost{*passes, *memory, *salt};
}

Result<StoreKey> stretch(std::string_view passphrase, const PassphraseCost& cost) {
    prepare_primitives();
    StoreKey key;
    if (crypto_pwhash_argon2id(raw(key.fill().data()), StoreKey::size, passphrase.data(), passphrase.size(),
                               raw(cost.salt.data()), cost.passes, static_cast<std::size_t>(cost.memory),
                               crypto_pwhash_argon2id_ALG_ARGON2ID13) != 0) {
        return Failure(Error::io_failed);
    }
    return key;
}

}  // namespace sotto::crypto

namespace sotto {

Result<StoreKey> store_key_from_passphrase(std::string_view passphrase, Store& store, Random& random) {
    const auto record = store.read(crypto::passphrase_record);
    if (!record) return Failure(record.error());
    if (*record) {
        const auto cost = crypto::parse_cost(**record);
        if (!cost) return Failure(cost.error());
        return crypto::stretch(passphrase, *cost);
    }
    const auto names = store.names("");
    if (!names) return Failure(names.error());
    if (!names->empty()) return Failure(Error::foreign_store);
    crypto::PassphraseCost cost{.passes = crypto::passes_now, .memory = crypto::memory_now};
    random.fill(cost.salt);
    const Change change{std::string(crypto::passphrase_record), crypto::write_cost(cost)};
    if (const auto written = store.commit({&change, 1}); !written) return Failure(written.error());
    return crypto::stretch(passphrase, cost);
}

}  // namespace sotto
