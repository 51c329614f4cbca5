// X-Wing (draft-connolly-cfrg-xwing-kem), put together from our X25519 and ML-KEM-768: its published vectors show that
// the two wrappers are what a hybrid of others is made of. The protocol itself has no X-Wing.
#include <doctest/doctest.h>
#include <sodium.h>

#include "crypto/primitives.h"
#include "crypto/raw.h"
#include "support/random.h"
#include "support/wycheproof.h"

using namespace sotto;
using namespace sotto::crypto;
using namespace sotto::test;

namespace {

constexpr std::string_view label = R"(\.//^\)";  // §5.3: XWingLabel

struct KeyPair {
    KemKeyPair kem;
    X25519KeyPair curve;
};

// §5.2: SHAKE256(sk, 96) is ML-KEM's seed d || z (64), then the X25519 key.
KeyPair expand_key(Bytes seed) {
    std::array<std::byte, 96> expanded;
    crypto_xof_shake256(raw(expanded.data()), expanded.size(), raw(seed.data()), seed.size());
    GivenRandom random(expanded);
    KeyPair pair{.kem = generate_kem(random), .curve = generate_x25519(random)};
    CHECK(random.spent());
    return pair;
}

// §5.3: SHA3-256(ss_M || ss_X || ct_X || pk_X || XWingLabel).
Buffer combine(const KemSecret& kem, const DhSecret& dh, const X25519Public& ct, const X25519Public& pk) {
    crypto_hash_sha3256_state state;
    crypto_hash_sha3256_init(&state);
    for (const Bytes part :
         {Bytes(kem.reveal()), Bytes(dh.reveal()), Bytes(ct.bytes), Bytes(pk.bytes), Bytes(as_bytes(label))}) {
        crypto_hash_sha3256_update(&state, raw(part.data()), part.size());
    }
    Buffer secret(crypto_hash_sha3256_BYTES);
    crypto_hash_sha3256_final(&state, raw(secret.data()));
    return secret;
}

Buffer joined(Bytes first, Bytes second) {
    Buffer both = to_buffer(first);
    both.insert(both.end(), second.begin(), second.end());
    return both;
}

}  // namespace

TEST_CASE("X25519 and ML-KEM-768 make X-Wing's public keys, ciphertexts and secrets, byte for byte") {
    const std::filesystem::path file = std::filesystem::path(SOTTO_VECTORS) / "xwing" / "test-vectors.json";
    if (!std::filesystem::exists(file)) {
        MESSAGE("skipped: no X-Wing vectors beside the project");
        return;
    }
    prepare_primitives();
    std::ifstream in(file);
    const Json vectors = Json::parse(in);
    REQUIRE(!vectors.empty());
    for (const Json& vector : vectors) {
        CAPTURE(vector.at("seed").get<std::string>());
        const KeyPair ours = expand_key(hex_field(vector, "seed"));
        CHECK(joined(ours.kem.shared.bytes, ours.curve.shared.bytes) == hex_field(vector, "pk"));

        // §5.4: the randomness is ML-KEM's m, then the ephemeral X25519 key.
        const Buffer randomness = hex_field(vector, "eseed");
        GivenRandom random(randomness);
        const auto encapsulated = encapsulate(ours.kem.shared, random);
        REQUIRE(encapsulated);
        const X25519KeyPair ephemeral = generate_x25519(random);
        CHECK(random.spent());
        CHECK(joined(encapsulated->ciphertext.bytes, ephemeral.shared.bytes) == hex_field(vector, "ct"));
        const auto theirs = agree(ephemeral.secret, ours.curve.shared);
        REQUIRE(theirs);
        CHECK(combine(encapsulated->secret, *theirs, ephemeral.shared, ours.curve.shared) == hex_field(vector, "ss"));

        // §5.5, the other side.
        const auto decapsulated = decapsulate(ours.kem.secret, encapsulated->ciphertext);
        const auto agreed = agree(ours.curve.secret, ephemeral.shared);
        REQUIRE(decapsulated);
        REQUIRE(agreed);
        CHECK(combine(*decapsulated, *agreed, ephemeral.shared, ours.curve.shared) == hex_field(vector, "ss"));
    }
    MESSAGE(vectors.size(), " vectors of X-Wing");
}
