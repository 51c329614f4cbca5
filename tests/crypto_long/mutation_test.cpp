// Bundles and first messages, changed on their way again and again: all refused by name, nothing spent.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <string>

#include "crypto/session.h"
#include "support/mutate.h"

using namespace sotto;
using namespace sotto::crypto;

namespace {

constexpr int mutations = 200'000 / test::mutations_share;

struct Fixture {
    static constexpr std::uint64_t seed = 51;
    test::SeededRandom random{seed};
    Device alice = Device::generate(Identity::generate(random), random);
    Device bob = Device::generate(Identity::generate(random), random);
    PrekeyStore prekeys = PrekeyStore::generate(1, random);
    std::map<std::string_view, int> refusals;

    // Bits flipped, cut, lengthened, or a piece of it in another place.
    Buffer mutated(Bytes genuine) {
        Buffer bytes = to_buffer(genuine);
        switch (random.below(8)) {
            case 0: bytes.resize(random.below(bytes.size())); break;
            case 1: bytes.resize(bytes.size() + 1 + random.below(64)); break;
            case 2: {
                const std::size_t size = 1 + random.below(64), room = bytes.size() - size + 1;
                const std::size_t from = random.below(room), to = random.below(room);
                std::ranges::copy(genuine.subspan(from, size), bytes.begin() + static_cast<std::ptrdiff_t>(to));
                break;
            }
            case 3: random.fill(MutableBytes(bytes).subspan(random.below(bytes.size() - 4), 4)); break;
            default: bytes = test::flipped(bytes, random);
        }
        return std::ranges::equal(bytes, genuine) ? test::flipped(genuine, random) : bytes;
    }
    void count(Error error) { ++refusals[name(error)]; }
    // Only causes that the protocol names for this may occur, and each of `expected` does.
    void check_causes(const std::vector<Error>& expected) {
        int total = 0;
        for (const auto& [cause, times] : refusals) {
            CAPTURE(std::string(cause));
            CHECK(std::ranges::find(expected, cause, [](Error error) { return name(error); }) != expected.end());
            total += times;
        }
        CHECK(total == mutations);
        CHECK(refusals.size() == expected.size());
    }
};

// What X25519 reads of a public key: all but the top bit (RFC 7748 §5).
X25519Public masked(X25519Public key) {
    key.bytes.back() &= std::byte{0x7f};
    return key;
}

}  // namespace

TEST_CASE_FIXTURE(Fixture, "of many changed bundles each is refused, at the latest by the one whose bundle it was") {
    CAPTURE(seed);
    const PrekeyBundle genuine = prekeys.publish(bob);
    const Buffer bytes = encode(genuine);
    const SecretBuffer before = prekeys.save();
    for (int i = 0; i < mutations; ++i) {
        CAPTURE(i);
        auto bundle = parse_bundle(mutated(bytes));
        // Nobody signs the one-time prekey, and its top bit means nothing: that one change leaves the bundle as good.
        while (bundle && bundle->one_time && masked(bundle->one_time->key) == masked(genuine.one_time->key) &&
               bundle->one_time->id == genuine.one_time->id && check(*bundle)) {
            bundle = parse_bundle(mutated(bytes));
        }
        auto session = bundle ? Session::initiate(alice, *bundle, random) : Result<Session>(Failure(bundle.error()));
        if (!session) {
            count(session.error());
            continue;
        }
        const auto accepted =
            Session::accept(bob, prekeys, session->seal(as_bytes("ring"), Step::keep)->message, random);
        REQUIRE_FALSE(accepted);
        count(accepted.error());
        REQUIRE(std::ranges::equal(prekeys.save().reveal(), before.reveal()));
    }
    check_causes({Error::truncated, Error::malformed, Error::unsupported_version, Error::bad_signature, Error::bad_key,
                  Error::unknown_prekey, Error::forged});
}

TEST_CASE_FIXTURE(Fixture, "of many changed first messages each is refused, and the genuine one still opens") {
    CAPTURE(seed);
    Session session = std::move(*Session::initiate(alice, prekeys.publish(bob), random));
    const Buffer genuine = session.seal(Buffer(256), Step::keep)->message;
    const SecretBuffer before = prekeys.save();
    for (int i = 0; i < mutations; ++i) {
        CAPTURE(i);
        const auto accepted = Session::accept(bob, prekeys, mutated(genuine), random);
        REQUIRE_FALSE(accepted);
        count(accepted.error());
        REQUIRE(std::ranges::equal(prekeys.save().reveal(), before.reveal()));
    }
    CHECK(refusals[name(Error::forged)] > mutations / 4);
    for (const Error cause : {Error::truncated, Error::malformed, Error::unsupported_version, Error::bad_signature,
                              Error::bad_key, Error::unknown_prekey}) {
        CHECK(refusals[name(cause)] > 0);
    }
    CHECK(Session::accept(bob, prekeys, genuine, random));
}
