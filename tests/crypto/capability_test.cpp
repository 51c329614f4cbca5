#include "crypto/capability.h"

#include <doctest/doctest.h>

#include <openssl/evp.h>

#include <set>
#include <type_traits>
#include <vector>

#include "support/random.h"

using namespace sotto;
using namespace sotto::crypto;

static_assert(!std::is_copy_constructible_v<Capability>);

TEST_CASE("a capability's hash is the first half of SHA-512 over its label and itself") {
    test::SeededRandom random(1);
    for (int i = 0; i < 50; ++i) {
        const Capability capability = draw_capability(random);
        std::vector<std::byte> input = to_buffer(as_bytes("Sotto_v1_capability"));
        input.insert(input.end(), capability.reveal().begin(), capability.reveal().end());
        std::array<std::byte, 64> expected{};
        REQUIRE(EVP_Digest(input.data(), input.size(), reinterpret_cast<unsigned char*>(expected.data()), nullptr,
                           EVP_sha512(), nullptr) == 1);
        CHECK(std::ranges::equal(hash_of(capability).bytes, std::span(expected).first(32)));
    }
}

TEST_CASE("two capabilities are the same if all their bits are") {
    test::SeededRandom random(2);
    const Capability ours = draw_capability(random);
    CHECK(same(ours, copy_capability(ours.reveal()).reveal()));
    for (std::size_t bit = 0; bit < 8 * Capability::size; ++bit) {
        Capability other = copy_capability(ours.reveal());
        other.fill()[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
        CHECK_FALSE(same(ours, other.reveal()));
        CHECK(hash_of(other) != hash_of(ours));
    }
}

TEST_CASE("each draw is another capability, of exactly 32 bytes of the given randomness") {
    test::SeededRandom random(3);
    std::set<CapabilityHash> seen;
    for (int i = 0; i < 1000; ++i) seen.insert(hash_of(draw_capability(random)));
    CHECK(seen.size() == 1000);
    Buffer given(32, std::byte{5});
    test::GivenRandom once(given);
    CHECK(std::ranges::equal(draw_capability(once).reveal(), given));
    CHECK(once.spent());
}
