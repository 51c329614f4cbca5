#include "crypto/prekeys.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

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
    Device device = Device::generate(Identity::generate(random), random);
    PrekeyStore store = PrekeyStore::generate(2, random);

    PrekeyBundle publish() { return store.publish(device); }
    X25519Public base_key() { return generate_x25519(random).shared; }
    bool serves(const PrekeyBundle& bundle) {
        const auto keys = store.find(base_key(), ids_of(bundle));
        if (!keys) return false;
        CHECK(keys->signed_prekey.shared == bundle.signed_prekey.key);
        CHECK(keys->kem_prekey.shared.bytes == bundle.kem_prekey.key.bytes);
        REQUIRE((keys->one_time != nullptr) == bundle.one_time.has_value());
        if (bundle.one_time) CHECK(public_of(*keys->one_time) == bundle.one_time->key);
        return true;
    }
    Error refusal(const PrekeyIds& ids) { return store.find(base_key(), ids).error(); }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "a bundle survives its own encoding, with and without a one-time prekey") {
    for (int i = 0; i < 3; ++i) {
        const PrekeyBundle bundle = publish();
        CHECK(bundle.one_time.has_value() == (i < 2));
        const Buffer bytes = encode(bundle);
        CHECK(bytes.size() == (i < 2 ? 1517 : 1485));
        const auto parsed = parse_bundle(bytes);
        REQUIRE(parsed);
        CHECK(encode(*parsed) == bytes);
        CHECK(check(*parsed));
        CHECK(serves(*parsed));
    }
}

TEST_CASE_FIXTURE(Fixture,
                  "each one-time prekey of either kind is handed out once, then the last-resort KEM prekey is") {
    const auto first = publish(), second = publish(), third = publish(), fourth = publish();
    CHECK(store.one_time_left() == 0);
    CHECK(first.one_time->id != second.one_time->id);
    const std::set<PrekeyId> kem_ids{first.kem_prekey.id, second.kem_prekey.id, third.kem_prekey.id};
    CHECK(kem_ids.size() == 3);
    CHECK(fourth.kem_prekey.id == third.kem_prekey.id);
    CHECK(fourth.kem_prekey.key.bytes == third.kem_prekey.key.bytes);
    store.spend(base_key(), ids_of(third));
    CHECK(serves(fourth));
}

TEST_CASE_FIXTURE(Fixture, "a session spends the one-time prekeys that it used, and no others") {
    const auto first = publish(), second = publish();
    const PrekeyIds used = ids_of(first);
    store.spend(base_key(), used);
    CHECK(refusal(used) == Error::unknown_prekey);
    CHECK(refusal({used.signed_prekey, used.kem_prekey, 0}) == Error::unknown_prekey);
    CHECK(refusal({used.signed_prekey, ids_of(second).kem_prekey, used.one_time}) == Error::unknown_prekey);
    CHECK(serves(second));
    // Alone, either kind is spent alone: the server may have left the curve one out, which nobody signed.
    const PrekeyIds rest = ids_of(second);
    store.spend(base_key(), {rest.signed_prekey, rest.kem_prekey, 0});
    CHECK(refusal(rest) == Error::unknown_prekey);
    CHECK(store.find(base_key(), {rest.signed_prekey, publish().kem_prekey.id, rest.one_time}));
}

TEST_CASE_FIXTURE(Fixture, "ids that nobody was handed are unknown, even those of prekeys to come") {
    PrekeyStore before = std::move(*PrekeyStore::restore(store.save().reveal()));
    const PrekeyIds ahead = ids_of(before.publish(device));
    CHECK(refusal(ahead) == Error::unknown_prekey);
    CHECK(refusal({ahead.signed_prekey, ahead.kem_prekey, 0}) == Error::unknown_prekey);
    const PrekeyIds handed = ids_of(publish());
    CHECK(refusal({handed.signed_prekey + 1, handed.kem_prekey, handed.one_time}) == Error::unknown_prekey);
    CHECK(refusal({handed.signed_prekey, handed.kem_prekey + 1, handed.one_time}) == Error::unknown_prekey);
    CHECK(refusal({handed.signed_prekey, handed.kem_prekey, handed.one_time + 1}) == Error::unknown_prekey);
    CHECK(store.find(base_key(), handed));
}

TEST_CASE_FIXTURE(Fixture, "prekeys outlive one renewal for what was handed out with them, and no second") {
    const PrekeyBundle old = publish();
    store.renew(3, random);
    const PrekeyBundle next = publish();
    CHECK(check(next));
    CHECK(store.one_time_left() == 2);
    CHECK(next.signed_prekey.id != old.signed_prekey.id);
    CHECK(serves(old));
    CHECK(serves(next));
    store.renew(0, random);
    CHECK(refusal(ids_of(old)) == Error::unknown_prekey);
    CHECK(refusal({old.signed_prekey.id, next.kem_prekey.id, 0}) == Error::unknown_prekey);
    CHECK(serves(next));
    CHECK(serves(publish()));
}

TEST_CASE_FIXTURE(Fixture, "prekeys of two renewals do not mix, one-time and last-resort ones alike") {
    const PrekeyBundle old = publish();
    static_cast<void>(publish());
    const PrekeyBundle old_last = publish();
    store.renew(1, random);
    const PrekeyBundle next = publish(), next_last = publish();
    for (const PrekeyId kem : {next.kem_prekey.id, next_last.kem_prekey.id}) {
        CHECK(refusal({old.signed_prekey.id, kem, old.one_time->id}) == Error::unknown_prekey);
    }
    for (const PrekeyId kem : {old.kem_prekey.id, old_last.kem_prekey.id}) {
        CHECK(refusal({next.signed_prekey.id, kem, 0}) == Error::unknown_prekey);
        CHECK(refusal({old.signed_prekey.id, kem, next.one_time->id}) == Error::unknown_prekey);
    }
}

TEST_CASE_FIXTURE(Fixture, "a base key is remembered as long as the prekeys it came with") {
    const PrekeyIds old = ids_of(publish()), other = ids_of(publish());
    const X25519Public used = base_key();
    store.spend(used, old);
    CHECK(store.find(used, old).error() == Error::replayed);
    CHECK(store.find(used, other).error() == Error::replayed);
    store.renew(1, random);
    const PrekeyIds next = ids_of(publish());
    CHECK(store.find(used, other).error() == Error::replayed);
    CHECK(store.find(used, next).error() == Error::replayed);
    store.spend(base_key(), other);  // a bundle from before, used after: wipes what it names there
    CHECK(refusal(other) == Error::unknown_prekey);
    store.renew(1, random);
    CHECK(store.find(used, other).error() == Error::unknown_prekey);
    CHECK(store.find(used, next));
}

TEST_CASE_FIXTURE(Fixture, "prekeys serve 65,536 sessions, and renewed ones as many again") {
    while (store.one_time_left() > 0) static_cast<void>(publish());
    const PrekeyIds ids = ids_of(publish());
    X25519Public used;
    for (std::size_t i = 0; i < PrekeyStore::max_sessions; ++i) {
        store.spend(used, ids);
        ByteWriter(used.bytes).u32(static_cast<std::uint32_t>(i + 1));
        if (i % 4096 == 0) REQUIRE(store.find(used, ids));
    }
    CHECK(store.find(used, ids).error() == Error::key_exhausted);
    store.renew(1, random);
    CHECK(store.find(used, ids).error() == Error::key_exhausted);
    CHECK(store.find(used, ids_of(publish())));
}

TEST_CASE_FIXTURE(Fixture, "a bundle cut short is refused at every length") {
    const Buffer bytes = encode(publish());
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        CHECK(parse_bundle(Bytes(bytes).first(size)).error() == Error::truncated);
    }
    Buffer longer = bytes;
    longer.push_back(std::byte{0});
    CHECK(parse_bundle(longer).error() == Error::malformed);
}

TEST_CASE_FIXTURE(Fixture, "a bundle of another version, or with an id of 0, is refused for that") {
    const PrekeyBundle genuine = publish();
    Buffer newer = encode(genuine);
    newer[0] = std::byte{2};
    CHECK(parse_bundle(newer).error() == Error::unsupported_version);
    PrekeyBundle bundle = genuine;
    bundle.signed_prekey.id = 0;
    CHECK(parse_bundle(encode(bundle)).error() == Error::malformed);
    bundle = genuine;
    bundle.kem_prekey.id = 0;
    CHECK(parse_bundle(encode(bundle)).error() == Error::malformed);
}

TEST_CASE_FIXTURE(Fixture, "prekeys swapped between two owners are refused") {
    const Device other = Device::generate(Identity::generate(random), random);
    PrekeyStore others = PrekeyStore::generate(0, random);
    const PrekeyBundle genuine = publish(), foreign = others.publish(other);
    PrekeyBundle mixed = genuine;
    mixed.signed_prekey = foreign.signed_prekey;
    CHECK(check(mixed).error() == Error::bad_signature);
    mixed = genuine;
    mixed.kem_prekey = foreign.kem_prekey;
    CHECK(check(mixed).error() == Error::bad_signature);
    mixed = genuine;
    mixed.owner = foreign.owner;
    CHECK(check(mixed).error() == Error::bad_signature);
}

TEST_CASE_FIXTURE(Fixture, "a store that was saved and restored serves, refuses and hands out as it did before") {
    const PrekeyBundle old = publish(), spent = publish();
    const X25519Public used = base_key();
    store.spend(used, ids_of(spent));
    store.renew(2, random);
    const PrekeyBundle next = publish();

    const SecretBuffer saved = store.save();
    auto restored = PrekeyStore::restore(saved.reveal());
    REQUIRE(restored);
    CHECK(std::ranges::equal(restored->save().reveal(), saved.reveal()));
    const PrekeyBundle following = publish();
    store = std::move(*restored);
    CHECK(store.one_time_left() == 1);
    CHECK(serves(old));
    CHECK(serves(next));
    CHECK(store.find(used, ids_of(next)).error() == Error::replayed);
    CHECK(refusal(ids_of(spent)) == Error::unknown_prekey);
    CHECK(encode(publish()) == encode(following));
}

TEST_CASE_FIXTURE(Fixture, "a saved store that was cut, lengthened or contradicts itself is refused") {
    const PrekeyIds spent = ids_of(publish());
    static_cast<void>(publish());
    for (int i = 0; i < 3; ++i) store.spend(base_key(), spent);
    store.renew(2, random);
    static_cast<void>(publish());
    const SecretBuffer saved = store.save();
    for (std::size_t size = 0; size < saved.reveal().size(); ++size) {
        CHECK(PrekeyStore::restore(saved.reveal().first(size)).error() == Error::truncated);
    }
    const auto changed = [&](auto&& change) {
        Buffer bytes = to_buffer(saved.reveal());
        change(bytes);
        const auto restored = PrekeyStore::restore(bytes);
        return restored ? std::optional<Error>() : restored.error();
    };
    CHECK(changed([](Buffer& bytes) { bytes.push_back(std::byte{0}); }) == Error::malformed);
    CHECK(changed([](Buffer& bytes) { bytes[0] = std::byte{2}; }) == Error::unsupported_version);
    CHECK(changed([](Buffer& bytes) { bytes[1] = std::byte{2}; }) == Error::malformed);
    CHECK(changed([](Buffer& bytes) { bytes[1] = std::byte{0}; }) == Error::malformed);  // a former batch is left over
    // The signed prekey's id; the last-resort prekey's, then the first unpublished KEM prekey's in its place.
    constexpr std::size_t last_resort = 2 + 4 + 32, unpublished_kem = last_resort + 4 + 64 + 4 + 4 + 32;
    CHECK(changed([](Buffer& bytes) { std::fill_n(bytes.begin() + 2, 4, std::byte{0}); }) == Error::malformed);
    CHECK(changed([](Buffer& bytes) {
              std::copy_n(bytes.begin() + last_resort, 4, bytes.begin() + unpublished_kem);
          }) == Error::malformed);
    // The three base keys that end it, out of order and repeated.
    CHECK(changed([](Buffer& bytes) { std::swap_ranges(bytes.end() - 64, bytes.end() - 32, bytes.end() - 32); }) ==
          Error::malformed);
    CHECK(changed([](Buffer& bytes) { std::copy(bytes.end() - 64, bytes.end() - 32, bytes.end() - 32); }) ==
          Error::malformed);
    CHECK_FALSE(changed([](Buffer&) {}));
}
