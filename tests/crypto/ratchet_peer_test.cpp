// A peer that has every key and breaks the rules: what its headers may not say.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "crypto/ratchet.h"
#include "support/random.h"

using namespace sotto;
using namespace sotto::crypto;

namespace {

// Two bare ratchets, so that a test can put anything into the state that headers are written from.
struct Fixture {
    Fixture() : initial{}, bob(begin()) { REQUIRE(opens(bob, say(alice))); }

    Ratchet begin() {
        initial.signed_prekey = initial.kem_prekey = 1;
        const X25519KeyPair signed_prekey = generate_x25519(random);
        alice = std::move(*begin_initiator(associated, shared(), signed_prekey.shared, initial, random));
        return begin_responder(associated, shared(), signed_prekey);
    }
    static SharedKeys shared() {
        test::SeededRandom same(9);
        SharedKeys keys;
        same.fill(keys.root.fill());
        same.fill(keys.initiator.fill());
        same.fill(keys.responder_next.fill());
        return keys;
    }
    Buffer say(Ratchet& from, Step step = Step::fresh) {
        auto sealed = seal(from, as_bytes("text"), step, random);
        REQUIRE(sealed);
        return std::move(sealed->message);
    }
    static Result<Opened> opens(Ratchet& at, Bytes message) { return open(at, *parse_message(message)); }
    static Error refusal(Ratchet& at, Bytes message) {
        const auto opened = opens(at, message);
        REQUIRE_FALSE(opened);
        return opened.error();
    }
    // Both have answered; Alice's next message is the first of a chain.
    void talk() {
        REQUIRE(opens(alice, say(bob)));
        REQUIRE(alice.answered());
    }
    // Alice's next step is taken, but nothing of it sent.
    Sending& step() {
        static_cast<void>(say(alice));
        REQUIRE(alice.sending->beginning);
        return *alice.sending;
    }

    test::SeededRandom random{61};
    AssociatedData associated{};
    InitialHeader initial;
    Ratchet alice;
    Ratchet bob;
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "a step without its KEM half is malformed, and the genuine one still opens") {
    talk();
    Sending& sending = step();
    const Buffer genuine = say(alice);
    const ChainBeginning beginning = *sending.beginning;
    SUBCASE("as of an answered chain") { sending.beginning.reset(); }
    SUBCASE("as of an initiator's first chain") {
        sending.beginning->initial = initial;
        sending.beginning->ciphertext.reset();
    }
    CHECK(refusal(bob, say(alice)) == Error::malformed);
    sending.beginning = beginning;
    CHECK(opens(bob, say(alice)));
    CHECK(opens(bob, genuine));
}

TEST_CASE("an initiator's first step with a KEM half that is not due is malformed, and so is one with none at all") {
    Fixture fixture;
    Ratchet fresh = fixture.begin();
    const ChainBeginning beginning = *fixture.alice.sending->beginning;
    SUBCASE("too much") {
        fixture.alice.sending->beginning->initial.reset();
        fixture.alice.sending->beginning->ciphertext.emplace();
    }
    SUBCASE("nothing") { fixture.alice.sending->beginning.reset(); }
    CHECK(Fixture::refusal(fresh, fixture.say(fixture.alice)) == Error::malformed);
    CHECK_FALSE(fresh.receiving);
    fixture.alice.sending->beginning = beginning;
    CHECK(Fixture::opens(fresh, fixture.say(fixture.alice)));
}

TEST_CASE_FIXTURE(Fixture, "a ratchet key that no step can be taken with is bad, and the genuine one still opens") {
    talk();
    Sending& sending = step();
    const X25519Public key = sending.key;
    const KemPublic kem_key = sending.beginning->kem_key;
    SUBCASE("X25519 of low order") { sending.key = {}; }
    SUBCASE("ML-KEM-768 with a coefficient that is too large") {
        sending.beginning->kem_key.bytes.fill(std::byte{0xff});
    }
    CHECK(refusal(bob, say(alice)) == Error::bad_key);
    sending.key = key;
    sending.beginning->kem_key = kem_key;
    CHECK(opens(bob, say(alice)));
}

TEST_CASE_FIXTURE(Fixture, "another ciphertext than that of the step gives other keys: forged") {
    talk();
    Sending& sending = step();
    sending.beginning->ciphertext->bytes[7] ^= std::byte{1};
    CHECK(refusal(bob, say(alice)) == Error::forged);
    sending.beginning->ciphertext->bytes[7] ^= std::byte{1};
    CHECK(opens(bob, say(alice)));
}

TEST_CASE_FIXTURE(Fixture, "the limit on skipping holds for the end of the last chain, and for one that never was") {
    SUBCASE("there is a chain, of which one was opened") {
        talk();
        Sending& sending = step();
        sending.previous = 1 + Session::max_skip + 1;
        CHECK(refusal(bob, say(alice)) == Error::too_many_skipped);
        sending.previous = 1 + Session::max_skip;
        REQUIRE(opens(bob, say(alice)));
        CHECK(bob.skipped_held() == Session::max_skip + 2);  // and the two of the new chain that came before
    }
    SUBCASE("there is none") {
        static_cast<void>(say(bob));
        bob.sending->previous = Session::max_skip + 1;
        CHECK(refusal(alice, say(bob)) == Error::too_many_skipped);
        bob.sending->previous = Session::max_skip;
        REQUIRE(opens(alice, say(bob)));
        CHECK(alice.skipped_held() == 2);
    }
    SUBCASE("an end that is behind what was opened skips nothing") {
        talk();
        Sending& sending = step();
        sending.previous = 0;
        REQUIRE(opens(bob, say(alice)));
        CHECK(bob.skipped_held() == 1);
    }
}

TEST_CASE_FIXTURE(Fixture, "no message has the last number, whatever chain it is of") {
    alice.sending->chain.next = last_message;
    CHECK(seal(alice, {}, Step::keep, random).error() == Error::key_exhausted);
    alice.sending->chain.next = last_message - 1;
    CHECK(refusal(bob, say(alice)) == Error::too_many_skipped);

    test::SeededRandom nonce(1);
    std::array<std::byte, ratchet_header_size(MessageType::answered)> plain;
    Buffer message(front_size(MessageType::answered) + aead_overhead);
    const Bytes outside = write_outside(MessageType::answered, nullptr, message);
    Buffer bound = to_buffer(associated);
    bound.insert(bound.end(), outside.begin(), outside.end());
    const RatchetHeader header{.key = {}, .previous = 0, .number = last_message, .ciphertext = {}, .kem_key = {}};
    seal_header(alice.sending->chain.header, write_header(header, plain), bound, nonce,
                MutableBytes(message).subspan(2, plain.size() + header_overhead));
    CHECK(refusal(bob, message) == Error::malformed);
}

TEST_CASE_FIXTURE(Fixture, "a second step in a row, while ours is due, is of no session: its keys do not exist") {
    // Alice pretends that Bob has stepped, which he has not.
    REQUIRE(bob.answered());
    const X25519KeyPair ratchet = generate_x25519(random);
    KemKeyPair kem = generate_kem(random);
    alice.turn = DueStep{.ratchet = ratchet.shared, .kem = kem.shared};
    alice.sending->beginning.reset();
    CHECK(refusal(bob, say(alice)) == Error::unknown_session);
}

TEST_CASE_FIXTURE(Fixture, "a step leaves no private half behind in the state that it was taken with") {
    talk();
    CHECK(std::get_if<AwaitedStep>(&alice.turn) == nullptr);
    static_cast<void>(say(alice));
    REQUIRE(std::get_if<AwaitedStep>(&alice.turn) != nullptr);
    CHECK(std::get<AwaitedStep>(alice.turn).kem);
    CHECK(public_of(std::get<AwaitedStep>(alice.turn).ratchet.secret) == alice.sending->key);
}
