// Every way in which a first message is made, and every one in which it is refused (docs/protocol.md, sections 4 and
// 6).
#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "base/byte_writer.h"
#include "crypto/encoding.h"
#include "crypto/session.h"
#include "support/mutate.h"

using namespace sotto;
using namespace sotto::crypto;

namespace {

// Where the fields of an initial header stand in its message.
constexpr std::size_t identity_at = 2, device_at = 34, certificate_at = 66, base_key_at = 130, signed_id_at = 162,
                      kem_id_at = 166, one_time_id_at = 170, ciphertext_at = 174, rest_at = 1262;

struct Fixture {
    test::SeededRandom random{21};
    Identity alice_identity = Identity::generate(random);
    Identity bob_identity = Identity::generate(random);
    Device alice = Device::generate(alice_identity, random);
    Device bob = Device::generate(bob_identity, random);
    PrekeyStore prekeys = PrekeyStore::generate(1, random);

    Session dial(const PrekeyBundle& bundle) { return std::move(*Session::initiate(alice, bundle, random)); }
    Session dial() { return dial(prekeys.publish(bob)); }
    Buffer first_message(const PrekeyBundle& bundle) {
        return dial(bundle).seal(as_bytes("ring"), Step::keep)->message;
    }
    auto accept(Bytes message) { return Session::accept(bob, prekeys, message, random); }
    // Why Bob refuses; his prekeys stay as they were.
    std::optional<Error> refusal(Bytes message) {
        const SecretBuffer before = prekeys.save();
        const auto accepted = accept(message);
        if (accepted) return std::nullopt;
        CHECK(std::ranges::equal(prekeys.save().reveal(), before.reveal()));
        return accepted.error();
    }
    Buffer with_ids(Buffer message, const PrekeyIds& ids) const {
        ByteWriter(MutableBytes(message).subspan(signed_id_at))
            .u32(ids.signed_prekey)
            .u32(ids.kem_prekey)
            .u32(ids.one_time);
        return message;
    }
};

bool equal(const ExportSecret& a, const ExportSecret& b) { return std::ranges::equal(a.reveal(), b.reveal()); }

Signature sign_prekey(const Device& device, std::string_view label, PrekeyId id, Bytes encoded) {
    Buffer bytes(label.size() + 4 + encoded.size());
    ByteWriter(bytes).bytes(as_bytes(label)).u32(id).bytes(encoded);
    return device.sign(bytes);
}

}  // namespace

TEST_CASE_FIXTURE(Fixture, "both sides agree with one-time prekeys, without, and with one of either kind alone") {
    prekeys.renew(3, random);
    const PrekeyBundle whole = prekeys.publish(bob), first = prekeys.publish(bob), second = prekeys.publish(bob),
                       without = prekeys.publish(bob);
    REQUIRE_FALSE(without.one_time);
    // Nobody signed the curve prekey: a directory can leave it out, or hand it out with the last-resort KEM prekey.
    PrekeyBundle kem_alone = first, curve_alone = without;
    kem_alone.one_time.reset();
    curve_alone.one_time = second.one_time;
    for (const PrekeyBundle* const bundle :
         std::to_array<const PrekeyBundle*>({&whole, &kem_alone, &curve_alone, &without})) {
        Session session = dial(*bundle);
        auto sealed = session.seal(as_bytes("ring"), Step::keep);
        REQUIRE(sealed);
        auto accepted = accept(sealed->message);
        REQUIRE(accepted);
        CHECK(accepted->first.plaintext == to_buffer(as_bytes("ring")));
        CHECK(equal(sealed->exported, accepted->first.exported));
        CHECK(accepted->session.peer() == alice.identity());
        CHECK(accepted->session.peer_device() == alice.key());
        CHECK(session.peer() == bob.identity());
        CHECK(session.peer_device() == bob.key());
        auto reply = accepted->session.seal(as_bytes("yes"), Step::keep);
        REQUIRE(reply);
        auto opened = session.open(reply->message);
        REQUIRE(opened);
        CHECK(opened->plaintext == to_buffer(as_bytes("yes")));
        CHECK(equal(reply->exported, opened->exported));
    }
}

TEST_CASE_FIXTURE(Fixture, "an initial message is accepted once: before a renewal, after it, and after the next") {
    static_cast<void>(prekeys.publish(bob));
    const PrekeyBundle last_resort = prekeys.publish(bob);
    const Buffer message = first_message(last_resort), later = first_message(last_resort);
    REQUIRE(accept(message));
    CHECK(refusal(message) == Error::replayed);
    prekeys.renew(1, random);
    CHECK(refusal(message) == Error::replayed);
    CHECK(accept(later));  // the same prekeys still serve another session
    prekeys.renew(1, random);
    CHECK(refusal(message) == Error::unknown_prekey);
    CHECK(refusal(first_message(last_resort)) == Error::unknown_prekey);
}

TEST_CASE_FIXTURE(Fixture, "a one-time prekey of either kind opens one message and nothing more") {
    const PrekeyBundle bundle = prekeys.publish(bob), last_resort = prekeys.publish(bob);
    PrekeyBundle kem_again = bundle, curve_again = last_resort;
    kem_again.one_time.reset();
    curve_again.one_time = bundle.one_time;
    const Buffer both = first_message(bundle), kem = first_message(kem_again), curve = first_message(curve_again);
    REQUIRE(accept(first_message(bundle)));
    for (const Buffer& message : {both, kem, curve}) CHECK(refusal(message) == Error::unknown_prekey);
    prekeys.renew(1, random);
    for (const Buffer& message : {both, kem, curve}) CHECK(refusal(message) == Error::unknown_prekey);
    CHECK(accept(first_message(last_resort)));
}

TEST_CASE_FIXTURE(Fixture, "an initial message that names prekeys of two renewals is refused") {
    const PrekeyBundle old = prekeys.publish(bob);
    prekeys.renew(1, random);
    const PrekeyBundle next = prekeys.publish(bob);
    for (const PrekeyIds& mixed : {PrekeyIds{old.signed_prekey.id, next.kem_prekey.id, 0},
                                   PrekeyIds{old.signed_prekey.id, old.kem_prekey.id, next.one_time->id},
                                   PrekeyIds{next.signed_prekey.id, old.kem_prekey.id, 0},
                                   PrekeyIds{next.signed_prekey.id, next.kem_prekey.id, old.one_time->id}}) {
        CHECK(refusal(with_ids(first_message(old), mixed)) == Error::unknown_prekey);
    }
    CHECK(accept(first_message(old)));
    CHECK(accept(first_message(next)));
}

TEST_CASE_FIXTURE(Fixture, "each field of an initial message is refused for its own reason when it is changed") {
    const PrekeyBundle bundle = prekeys.publish(bob), last_resort = prekeys.publish(bob);
    const Buffer message = first_message(bundle);
    const auto changed = [&](std::size_t at) {
        Buffer bytes = message;
        bytes[at] ^= std::byte{1};
        return refusal(bytes);
    };
    CHECK(changed(0) == Error::unsupported_version);
    CHECK(changed(certificate_at + 3) == Error::bad_signature);
    for (const std::size_t at : {signed_id_at, kem_id_at, one_time_id_at}) CHECK(changed(at) == Error::unknown_prekey);
    for (const std::size_t at : {base_key_at, ciphertext_at, ciphertext_at + 1087, message.size() - 1}) {
        CHECK(changed(at) == Error::forged);
    }
    for (const std::size_t at : {identity_at, device_at}) {
        CHECK((changed(at) == Error::bad_signature || changed(at) == Error::bad_key));
    }
    // Ids that Bob has, but not those it was made with.
    const PrekeyId signed_id = bundle.signed_prekey.id, one_time = bundle.one_time->id;
    CHECK(refusal(with_ids(message, {signed_id, bundle.kem_prekey.id, 0})) == Error::forged);
    CHECK(refusal(with_ids(message, {signed_id, last_resort.kem_prekey.id, one_time})) == Error::forged);
    CHECK(refusal(with_ids(message, {0, bundle.kem_prekey.id, one_time})) == Error::malformed);
    CHECK(refusal(with_ids(message, {signed_id, 0, one_time})) == Error::malformed);
    CHECK(accept(message));
}

TEST_CASE_FIXTURE(Fixture, "a forged initial message spends neither the one-time prekeys nor its freshness") {
    const Buffer message = first_message(prekeys.publish(bob));
    for (int i = 0; i < 100; ++i) CHECK(refusal(test::flipped(message, random)));
    for (std::size_t size = 0; size < message.size(); size += 7) CHECK(refusal(Bytes(message).first(size)));
    CHECK(accept(message));
}

TEST_CASE_FIXTURE(Fixture, "a message for another device does not open, though it be the same person's") {
    const Device second = Device::generate(bob_identity, random);
    PrekeyStore seconds = PrekeyStore::generate(1, random);
    const Buffer message = first_message(prekeys.publish(bob));
    CHECK(Session::accept(second, seconds, message, random).error() == Error::unknown_prekey);
    // Even with the first one's prekeys.
    CHECK(Session::accept(second, prekeys, message, random).error() == Error::forged);
    CHECK(accept(message));
}

TEST_CASE_FIXTURE(Fixture, "an identity that certifies somebody else's device gets neither its messages nor its name") {
    const Identity mallory = Identity::generate(random);
    // Mallory passes Bob's device off as one of her own: Alice believes to call Mallory, and Bob does not ring.
    PrekeyBundle claimed = prekeys.publish(bob);
    claimed.owner = certify(mallory, bob.key());
    CHECK(check(claimed));
    CHECK(refusal(first_message(claimed)) == Error::forged);
    // Mallory passes Alice's message off as her own device's.
    Buffer message = first_message(prekeys.publish(bob));
    const Buffer genuine = message;
    std::ranges::copy(encode(certify(mallory, alice.key())), message.begin() + identity_at);
    CHECK(refusal(message) == Error::forged);
    CHECK(accept(genuine));
}

TEST_CASE_FIXTURE(Fixture, "a repeated first header with another certificate is not of that session") {
    Session session = dial();
    auto accepted = accept(session.seal(as_bytes("1"), Step::keep)->message);
    REQUIRE(accepted);
    const Buffer genuine = session.seal(as_bytes("2"), Step::keep)->message;
    const Device second = Device::generate(alice_identity, random);
    const Identity mallory = Identity::generate(random);
    for (const DeviceCertificate& other : {second.certificate(), certify(mallory, alice.key())}) {
        Buffer message = genuine;
        std::ranges::copy(encode(other), message.begin() + identity_at);
        CHECK(accepted->session.open(message).error() == Error::wrong_identity);
    }
    CHECK(accepted->session.open(genuine));
}

TEST_CASE_FIXTURE(Fixture, "a certificate that does not verify is refused before anything is agreed or spent") {
    const PrekeyBundle bundle = prekeys.publish(bob);
    DeviceCertificate forged = alice.certificate();
    forged.signature[9] ^= std::byte{4};
    DeviceCertificate low_order = certify(alice_identity, DeviceKey{{std::byte{1}}});
    for (const auto& [certificate, error] :
         {std::pair(forged, Error::bad_signature), std::pair(low_order, Error::bad_key)}) {
        Buffer message = first_message(bundle);
        std::ranges::copy(encode(certificate), message.begin() + identity_at);
        CHECK(refusal(message) == error);
        PrekeyBundle owned = bundle;
        owned.owner = certificate;
        CHECK(Session::initiate(alice, owned, random).error() == error);
    }
}

TEST_CASE_FIXTURE(Fixture, "a bundle with a wrong signature starts nothing") {
    PrekeyBundle bundle = prekeys.publish(bob);
    bundle.kem_prekey.signature[3] ^= std::byte{1};
    CHECK(Session::initiate(alice, bundle, random).error() == Error::bad_signature);
    bundle = prekeys.publish(bob);
    bundle.signed_prekey.signature[3] ^= std::byte{1};
    CHECK(Session::initiate(alice, bundle, random).error() == Error::bad_signature);
    bundle = prekeys.publish(bob);
    std::swap(bundle.signed_prekey.signature, bundle.kem_prekey.signature);
    CHECK(Session::initiate(alice, bundle, random).error() == Error::bad_signature);
}

TEST_CASE_FIXTURE(Fixture, "keys of low order are refused, wherever they stand and whoever signed them") {
    const PrekeyBundle genuine = prekeys.publish(bob);
    for (const std::byte first : {std::byte{0}, std::byte{1}}) {  // RFC 7748 §6.1: these give an all-zero secret
        const X25519Public weak{{first}};
        PrekeyBundle bundle = genuine;
        bundle.one_time->key = weak;
        CHECK(Session::initiate(alice, bundle, random).error() == Error::bad_key);
        bundle = genuine;
        bundle.signed_prekey.key = weak;
        bundle.signed_prekey.signature = sign_prekey(bob, labels::signed_prekey, bundle.signed_prekey.id, encode(weak));
        REQUIRE(check(bundle));
        CHECK(Session::initiate(alice, bundle, random).error() == Error::bad_key);
        Buffer message = first_message(genuine);
        std::ranges::copy(weak.bytes, message.begin() + base_key_at);
        CHECK(refusal(message) == Error::bad_key);
    }
}

TEST_CASE_FIXTURE(Fixture, "a KEM prekey with a coefficient of 3329 or more is refused, whoever signed it") {
    PrekeyBundle bundle = prekeys.publish(bob);
    bundle.kem_prekey.key.bytes[0] = bundle.kem_prekey.key.bytes[1] = std::byte{0xff};
    bundle.kem_prekey.signature =
        sign_prekey(bob, labels::kem_prekey, bundle.kem_prekey.id, encode(bundle.kem_prekey.key));
    REQUIRE(check(bundle));
    CHECK(Session::initiate(alice, bundle, random).error() == Error::bad_key);
}

TEST_CASE_FIXTURE(Fixture, "the initiator repeats its header until it has a reply, and not after") {
    Session session = dial();
    const auto first = session.seal(as_bytes("1"), Step::keep);
    const auto second = session.seal(as_bytes("2"), Step::keep);
    CHECK(std::ranges::equal(Bytes(first->message).first(rest_at), Bytes(second->message).first(rest_at)));
    CHECK(peek(first->message)->initial);
    CHECK(peek(second->message)->initial);
    CHECK(encode(peek(second->message)->sender) == encode(alice.certificate()));
    auto accepted = accept(second->message);
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
    auto accepted = accept(one.seal(as_bytes("1"), Step::keep)->message);
    REQUIRE(accepted);
    CHECK(accepted->session.open(two.seal(as_bytes("2"), Step::keep)->message).error() == Error::unknown_session);
    CHECK(two.open(one.seal(as_bytes("3"), Step::keep)->message).error() == Error::unknown_session);
}
