#include "crypto/prekeys.h"

#include <doctest/doctest.h>

#include "base/byte_writer.h"
#include "crypto/primitives.h"
#include "support/mutate.h"

using namespace sotto;
using namespace sotto::crypto;

namespace {

PrekeyIds ids_of(const PrekeyBundle& bundle) {
    return {bundle.signed_prekey.id, bundle.kem_prekey.id, bundle.one_time ? bundle.one_time->id : 0};
}

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

TEST_CASE_FIXTURE(Fixture, "prekeys outlive one renewal for what was handed out with them, and no second") {
    const PrekeyBundle old = store.publish();
    const PrekeyIds with_one_time = ids_of(old);
    const PrekeyIds without{old.signed_prekey.id, old.kem_prekey.id, 0};
    const auto found = store.find({}, with_one_time);
    REQUIRE(found);
    CHECK(found->signed_prekey.shared == old.signed_prekey.key);

    store.renew(identity, 3, random);
    const PrekeyBundle next = store.publish();
    CHECK(check(next));
    CHECK(store.one_time_left() == 2);
    CHECK(next.signed_prekey.id != old.signed_prekey.id);
    for (const PrekeyBundle* const bundle : {&old, &next}) {
        const auto keys = store.find({}, ids_of(*bundle));
        REQUIRE(keys);
        CHECK(keys->signed_prekey.shared == bundle->signed_prekey.key);
        CHECK(keys->kem_prekey.shared.bytes == bundle->kem_prekey.key.bytes);
        CHECK(keys->one_time->shared == bundle->one_time->key);
    }
    CHECK(store.find({}, without)->one_time == nullptr);
    CHECK(store.find({}, {old.signed_prekey.id, next.kem_prekey.id, 0}).error() == Error::unknown_prekey);
    CHECK(store.find({}, {old.signed_prekey.id, old.kem_prekey.id, next.one_time->id}).error() ==
          Error::unknown_prekey);

    store.renew(identity, 0, random);
    CHECK(store.find({}, with_one_time).error() == Error::unknown_prekey);
    CHECK(store.find({}, without).error() == Error::unknown_prekey);
    CHECK(store.find({}, ids_of(next)));
}

TEST_CASE_FIXTURE(Fixture, "a base key is remembered as long as the prekeys it came with") {
    const PrekeyIds old = ids_of(store.publish()), other = ids_of(store.publish());
    const X25519Public base_key = generate_x25519(random).shared;
    store.spend(base_key, old);
    CHECK(store.find(base_key, other).error() == Error::replayed);
    CHECK(store.find({}, old).error() == Error::unknown_prekey);  // its one-time prekey is gone
    store.renew(identity, 1, random);
    const PrekeyIds next = ids_of(store.publish());
    CHECK(store.find(base_key, other).error() == Error::replayed);
    CHECK(store.find(base_key, next).error() == Error::replayed);
    store.spend({}, other);  // a bundle from before, used after: wipes what it names there
    CHECK(store.find(generate_x25519(random).shared, other).error() == Error::unknown_prekey);
    store.renew(identity, 1, random);
    CHECK(store.find(base_key, other).error() == Error::unknown_prekey);
    CHECK(store.find(base_key, next));
}

TEST_CASE_FIXTURE(Fixture, "prekeys serve 65,536 sessions; renewed ones as many again") {
    const PrekeyIds ids{store.publish().signed_prekey.id, store.publish().kem_prekey.id, 0};
    X25519Public base_key;
    for (std::size_t i = 0; i < PrekeyStore::max_sessions; ++i) {
        REQUIRE(store.find(base_key, ids));
        store.spend(base_key, ids);
        ByteWriter(base_key.bytes).u32(static_cast<std::uint32_t>(i + 1));
    }
    CHECK(store.find(base_key, ids).error() == Error::key_exhausted);
    store.renew(identity, 1, random);
    CHECK(store.find(base_key, ids).error() == Error::key_exhausted);
    CHECK(store.find(base_key, ids_of(store.publish())));
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
