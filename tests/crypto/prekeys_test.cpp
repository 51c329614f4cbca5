#include "crypto/prekeys.h"

#include <doctest/doctest.h>

#include "support/mutate.h"

using namespace sotto;
using namespace sotto::crypto;

namespace {

struct Fixture {
    test::SeededRandom random{11};
    Identity identity = Identity::generate(random);
    PrekeyStore store = PrekeyStore::generate(identity, 2, random);
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "a bundle survives its own encoding, with and without a one-time prekey") {
    for (int i = 0; i < 3; ++i) {
        const PrekeyBundle bundle = store.publish();
        CHECK(bundle.one_time.has_value() == (i < 2));
        const Buffer bytes = encode(bundle);
        const auto parsed = parse_bundle(bytes);
        REQUIRE(parsed);
        CHECK(encode(*parsed) == bytes);
        CHECK(check(*parsed));
    }
}

TEST_CASE_FIXTURE(Fixture, "each one-time prekey is handed out once") {
    const auto first = store.publish();
    const auto second = store.publish();
    CHECK(first.one_time->id != second.one_time->id);
    CHECK(store.one_time_left() == 0);
}

TEST_CASE_FIXTURE(Fixture, "a bundle cut short is refused at every length") {
    const Buffer bytes = encode(store.publish());
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        CHECK(parse_bundle(Bytes(bytes).first(size)).error() == Error::truncated);
    }
    Buffer longer = bytes;
    longer.push_back(std::byte{0});
    CHECK(parse_bundle(longer).error() == Error::malformed);
}

TEST_CASE_FIXTURE(Fixture, "no changed bit of what is signed passes") {
    const Buffer bytes = encode(store.publish());
    const std::size_t signed_part = bytes.size() - 4 - 32;  // the one-time prekey stands unsigned, as in PQXDH §3.2
    for (int i = 0; i < 600; ++i) {
        Buffer changed = bytes;
        changed[random.below(signed_part)] ^= static_cast<std::byte>(1U << random.below(8));
        const auto parsed = parse_bundle(changed);
        if (!parsed) continue;
        CHECK_FALSE(check(*parsed));
    }
}

TEST_CASE_FIXTURE(Fixture, "another version is named as such") {
    Buffer bytes = encode(store.publish());
    bytes[0] = std::byte{2};
    CHECK(parse_bundle(bytes).error() == Error::unsupported_version);
}

TEST_CASE_FIXTURE(Fixture, "prekeys swapped between two owners are refused") {
    const Identity other = Identity::generate(random);
    PrekeyStore others = PrekeyStore::generate(other, 0, random);
    PrekeyBundle bundle = store.publish();
    bundle.signed_prekey = others.publish().signed_prekey;
    CHECK(check(bundle).error() == Error::bad_signature);
    PrekeyBundle second = store.publish();
    second.kem_prekey = others.publish().kem_prekey;
    CHECK(check(second).error() == Error::bad_signature);
    PrekeyBundle third = store.publish();
    third.identity = other.public_identity();
    CHECK(check(third).error() == Error::bad_signature);
}
