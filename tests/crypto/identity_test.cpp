#include "crypto/identity.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "support/random.h"

using namespace sotto;
using namespace sotto::crypto;

TEST_CASE("an identity of RFC 8032's first test vector signs as the RFC says") {
    // RFC 8032 §7.1, TEST 1.
    IdentitySeed seed;
    std::ranges::copy(*from_hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"),
                      seed.fill().begin());
    const Identity identity = Identity::from_seed(seed);
    CHECK(to_hex(identity.public_identity().key) == "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
    CHECK(
        to_hex(identity.sign({})) ==
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe"
        "24655141438e7a100b");
}

TEST_CASE("a signature verifies only for its signer and its message") {
    test::SeededRandom random(1);
    const Identity a = Identity::generate(random);
    const Identity b = Identity::generate(random);
    const auto message = as_bytes("hello");
    const Signature signature = a.sign(message);
    CHECK(verify(a.public_identity(), message, signature));
    CHECK(verify(b.public_identity(), message, signature).error() == Error::bad_signature);
    CHECK(verify(a.public_identity(), as_bytes("hellp"), signature).error() == Error::bad_signature);
}

TEST_CASE("secrets cannot be copied and are wiped when moved from") {
    static_assert(!std::is_copy_constructible_v<MessageKey> && !std::is_copy_assignable_v<MessageKey>);
    static_assert(!std::is_copy_constructible_v<Identity> && !std::is_copy_constructible_v<SecretBuffer>);
    static_assert(!std::is_convertible_v<RootKey, ChainKey>);
    static_assert(!std::is_constructible_v<ChainKey, RootKey>);
    test::SeededRandom random(4);
    RootKey key;
    random.fill(key.fill());
    RootKey moved = std::move(key);
    CHECK(std::ranges::all_of(key.reveal(), [](std::byte b) { return b == std::byte{0}; }));
    CHECK(std::ranges::any_of(moved.reveal(), [](std::byte b) { return b != std::byte{0}; }));

    SecretBuffer buffer(3);
    buffer.fill()[1] = std::byte{7};
    SecretBuffer elsewhere = std::move(buffer);
    CHECK(buffer.reveal().empty());
    CHECK(elsewhere.reveal()[1] == std::byte{7});
    elsewhere = SecretBuffer(1);
    CHECK(elsewhere.reveal().size() == 1);
}
