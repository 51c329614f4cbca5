#include <doctest/doctest.h>

#include <algorithm>

#include "crypto/session.h"
#include "support/mutate.h"

using namespace sotto;
using namespace sotto::crypto;

namespace {

struct Fixture {
    test::SeededRandom random{21};
    Identity alice = Identity::generate(random);
    Identity bob = Identity::generate(random);
    PrekeyStore prekeys = PrekeyStore::generate(bob, 1, random);

    Session dial() { return std::move(*Session::initiate(alice, prekeys.publish(), random)); }
};

bool equal(const ExportSecret& a, const ExportSecret& b) { return std::ranges::equal(a.reveal(), b.reveal()); }

}  // namespace

TEST_CASE_FIXTURE(Fixture, "initiator and responder agree, with and without a one-time prekey") {
    for (int i = 0; i < 2; ++i) {
        Session session = dial();
        auto sealed = session.seal(as_bytes("ring"), Step::keep);
        REQUIRE(sealed);
        auto accepted = Session::accept(bob, prekeys, sealed->message, random);
        REQUIRE(accepted);
        CHECK(accepted->first.plaintext == to_buffer(as_bytes("ring")));
        CHECK(equal(sealed->exported, accepted->first.exported));
        CHECK(accepted->session.peer() == alice.public_identity());
        CHECK(session.peer() == bob.public_identity());
        auto reply = accepted->session.seal(as_bytes("yes"), Step::keep);
        REQUIRE(reply);
        auto opened = session.open(reply->message);
        REQUIRE(opened);
        CHECK(opened->plaintext == to_buffer(as_bytes("yes")));
        CHECK(equal(reply->exported, opened->exported));
    }
}

TEST_CASE_FIXTURE(Fixture, "an initial message is accepted once") {
    Session session = dial();
    const auto sealed = session.seal(as_bytes("ring"), Step::keep);
    REQUIRE(Session::accept(bob, prekeys, sealed->message, random));
    CHECK(Session::accept(bob, prekeys, sealed->message, random).error() == Error::replayed);
}

TEST_CASE_FIXTURE(Fixture, "a spent one-time prekey opens nothing more") {
    const PrekeyBundle bundle = prekeys.publish();
    Session first = std::move(*Session::initiate(alice, bundle, random));
    Session second = std::move(*Session::initiate(alice, bundle, random));
    REQUIRE(Session::accept(bob, prekeys, first.seal(as_bytes("1"), Step::keep)->message, random));
    CHECK(Session::accept(bob, prekeys, second.seal(as_bytes("2"), Step::keep)->message, random).error() ==
          Error::unknown_prekey);
}

TEST_CASE_FIXTURE(Fixture, "a forged initial message spends neither the one-time prekey nor its freshness") {
    Session session = dial();
    const auto sealed = session.seal(as_bytes("ring"), Step::keep);
    for (int i = 0; i < 100; ++i) {
        CHECK_FALSE(Session::accept(bob, prekeys, test::flipped(sealed->message, random), random));
    }
    for (std::size_t size = 0; size < sealed->message.size(); size += 7) {
        CHECK_FALSE(Session::accept(bob, prekeys, Bytes(sealed->message).first(size), random));
    }
    CHECK(Session::accept(bob, prekeys, sealed->message, random));
}

TEST_CASE_FIXTURE(Fixture, "a message for somebody else does not open") {
    const Identity carol = Identity::generate(random);
    PrekeyStore carols = PrekeyStore::generate(carol, 1, random);
    Session session = dial();
    const auto sealed = session.seal(as_bytes("ring"), Step::keep);
    CHECK(Session::accept(carol, carols, sealed->message, random).error() == Error::unknown_prekey);
    // Even with Bob's prekeys, Carol's identity is not Bob's.
    CHECK(Session::accept(carol, prekeys, sealed->message, random).error() == Error::forged);
}

TEST_CASE_FIXTURE(Fixture, "a bundle with a wrong signature starts nothing") {
    PrekeyBundle bundle = prekeys.publish();
    bundle.kem_prekey.signature[3] ^= std::byte{1};
    CHECK(Session::initiate(alice, bundle, random).error() == Error::bad_signature);
    bundle = prekeys.publish();
    bundle.signed_prekey.signature[3] ^= std::byte{1};
    CHECK(Session::initiate(alice, bundle, random).error() == Error::bad_signature);
}

TEST_CASE_FIXTURE(Fixture, "a one-time prekey of low order is refused") {
    PrekeyBundle bundle = prekeys.publish();
    REQUIRE(bundle.one_time);
    bundle.one_time->key = X25519Public{};
    CHECK(Session::initiate(alice, bundle, random).error() == Error::bad_key);
}

TEST_CASE_FIXTURE(Fixture, "the initiator repeats its header until it has a reply, and not after") {
    Session session = dial();
    const auto first = session.seal(as_bytes("1"), Step::keep);
    const auto second = session.seal(as_bytes("2"), Step::keep);
    CHECK(peek(first->message)->initial);
    CHECK(peek(second->message)->initial);
    CHECK(peek(second->message)->sender == alice.public_identity());
    auto accepted = Session::accept(bob, prekeys, second->message, random);
    REQUIRE(accepted);
    const auto late = accepted->session.open(first->message);
    REQUIRE(late);
    CHECK(late->plaintext == to_buffer(as_bytes("1")));
    REQUIRE(session.open(accepted->session.seal(as_bytes("ok"), Step::keep)->message));
    CHECK_FALSE(peek(session.seal(as_bytes("3"), Step::keep)->message)->initial);
}

TEST_CASE_FIXTURE(Fixture, "an initial message of another session is told apart") {
    Session one = dial();
    Session two = dial();
    auto accepted = Session::accept(bob, prekeys, one.seal(as_bytes("1"), Step::keep)->message, random);
    REQUIRE(accepted);
    CHECK(accepted->session.open(two.seal(as_bytes("2"), Step::keep)->message).error() == Error::unknown_session);
    CHECK(two.open(one.seal(as_bytes("3"), Step::keep)->message).error() == Error::unknown_session);
}
