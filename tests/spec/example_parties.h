// Alice and Bob of the worked example and the vectors: who they are, what Bob publishes, what PQXDH gives.
#pragma once

#include "crypto/pqxdh.h"
#include "crypto/safety_number.h"
#include "crypto/session.h"
#include "sotto/verification.h"
#include "spec/example.h"
#include "support/random.h"

namespace sotto::test {

// Draws 0 and 1 of each are the seeds of identity and device; Bob's 2 to 9 are his prekeys.
struct Parties {
    static constexpr std::size_t alices_first = 2;  // draw of her session

    PlainRandom alices{0xa0}, bobs{0xb0};
    crypto::Identity alice = crypto::Identity::generate(alices), bob = crypto::Identity::generate(bobs);
    crypto::Device alices_device = crypto::Device::generate(alice, alices);
    crypto::Device bobs_device = crypto::Device::generate(bob, bobs);
    crypto::PrekeyStore prekeys = crypto::PrekeyStore::generate(1, bobs);
};

// Where Bob's draws stand.
struct BobsDraws {
    static constexpr std::size_t signed_prekey = 2, last_resort = 4, one_time = 7, one_time_kem = 9;
};

inline void add_identities(Example& example, const Parties& parties) {
    example.section("Identities");
    const auto add = [&](const std::string& name, const crypto::Identity& identity, const crypto::Device& device) {
        example.value(name + " identity seed", identity.seed().reveal());
        example.value(name + " identity", identity.public_identity().key);
        example.value(name + " device seed", device.seed().reveal());
        example.value(name + " device", device.key().key);
        example.value(name + " X(device)", crypto::agreement_key(device.key())->bytes);
        example.value(name + " certificate", crypto::encode(device.certificate()));
        example.value(name + " device list", crypto::encode(crypto::make_list(identity, 1, {device.key()})));
    };
    add("Alice", parties.alice, parties.alices_device);
    add("Bob", parties.bob, parties.bobs_device);
    const PublicIdentity &alice = parties.alice.public_identity(), &bob = parties.bob.public_identity();
    example.text("safety number", crypto::safety_number(alice, bob));
    example.value("QR code shown by Alice", qr_payload(alice, bob));
}

inline void add_bundle(Example& example, const Parties& parties, const crypto::PrekeyBundle& bundle) {
    REQUIRE(crypto::check(bundle));
    const auto secret = parties.bobs.draw<crypto::X25519Private>(BobsDraws::signed_prekey);
    const auto seed =
        parties.bobs.draw<crypto::KemSeed>(bundle.one_time ? BobsDraws::one_time_kem : BobsDraws::last_resort);
    REQUIRE(crypto::public_of(secret) == bundle.signed_prekey.key);
    REQUIRE(crypto::kem_pair_of(seed).shared.bytes == bundle.kem_prekey.key.bytes);
    example.section("Bob's bundle");
    example.value("signed prekey private", secret.reveal());
    example.value("signed prekey id", parties.bobs.draw(BobsDraws::signed_prekey + 1, 4));
    example.value("signed prekey", bundle.signed_prekey.key.bytes);
    example.value("signed prekey signature", bundle.signed_prekey.signature);
    example.value("KEM prekey seed", seed.reveal());
    example.value("KEM prekey id",
                  parties.bobs.draw(bundle.one_time ? BobsDraws::one_time_kem - 1 : BobsDraws::last_resort + 1, 4));
    example.value("KEM prekey", bundle.kem_prekey.key.bytes);
    example.value("KEM prekey signature", bundle.kem_prekey.signature);
    if (bundle.one_time) {
        const auto one_time = parties.bobs.draw<crypto::X25519Private>(BobsDraws::one_time);
        REQUIRE(crypto::public_of(one_time) == bundle.one_time->key);
        example.value("one-time prekey private", one_time.reveal());
        example.value("one-time prekey id", parties.bobs.draw(BobsDraws::one_time - 1, 4));
        example.value("one-time prekey", bundle.one_time->key.bytes);
    }
    example.value("bundle", crypto::encode(bundle));
}

inline crypto::Initiated add_pqxdh(Example& example, const Parties& parties, const crypto::PrekeyBundle& bundle) {
    using namespace crypto;
    const auto base = parties.alices.draw<X25519Private>(Parties::alices_first);
    const Buffer m = parties.alices.draw(Parties::alices_first + 1, 32);
    Buffer drawn = to_buffer(base.reveal());
    drawn.insert(drawn.end(), m.begin(), m.end());
    GivenRandom repeated(drawn);
    auto agreed = initiate_pqxdh(parties.alices_device, bundle, repeated);
    REQUIRE(agreed);
    const auto kem =
        kem_pair_of(parties.bobs.draw<KemSeed>(bundle.one_time ? BobsDraws::one_time_kem : BobsDraws::last_resort));
    example.section("PQXDH");
    example.value("EK_A private", base.reveal());
    example.value("EK_A", agreed->base_key.bytes);
    example.value("ML-KEM encapsulation m", m);
    example.value("CT", agreed->ciphertext.bytes);
    example.value("DH1", parties.alices_device.agree(bundle.signed_prekey.key)->reveal());
    example.value("DH2", agree(base, *agreement_key(parties.bobs_device.key()))->reveal());
    example.value("DH3", agree(base, bundle.signed_prekey.key)->reveal());
    if (bundle.one_time) example.value("DH4", agree(base, bundle.one_time->key)->reveal());
    example.value("SS", decapsulate(kem.secret, agreed->ciphertext)->reveal());
    example.value("SK", agreed->shared.root.reveal());
    example.value("HK_A", agreed->shared.initiator.reveal());
    example.value("NHK_B", agreed->shared.responder_next.reveal());
    example.value("AD", agreed->associated);
    return std::move(*agreed);
}

}  // namespace sotto::test
