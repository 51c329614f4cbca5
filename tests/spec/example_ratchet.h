// The ratchet of the worked example, kept beside the two sessions by the page's formulas: it has every value that a
// session does not show, and each is held against the message that the session sealed.
#pragma once

#include "crypto/associated.h"
#include "crypto/chain.h"
#include "crypto/root_chain.h"
#include "spec/example_parties.h"

namespace sotto::test {

// One side: its keys as they stand, and where it sends from.
struct RatchetSide {
    std::string letter;  // names its ratchet keys: A0, A1, ...
    PlainRandom& random;
    std::optional<std::size_t> begun{};  // the draw its first step began with, if its session has made that already
    int steps = 0;
    std::string key_name{};
    crypto::X25519KeyPair ratchet{};
    crypto::KemKeyPair kem{};
    crypto::HeaderKey header{}, next_header{};
    crypto::ChainKey chain{};
    std::uint32_t previous = 0, number = 0;
    std::optional<crypto::Encapsulated> beginning{};  // of its step
};

class ExampleRatchet {
  public:
    ExampleRatchet(crypto::Initiated&& agreed, const Parties& parties, const crypto::PrekeyBundle& bundle,
                   RatchetSide& alice, RatchetSide& bob)
        : associated_(agreed.associated) {
        std::ranges::copy(agreed.shared.root.reveal(), root_.fill().begin());
        alice.next_header = std::move(agreed.shared.initiator);
        bob.next_header = std::move(agreed.shared.responder_next);
        bob.key_name = "SPK_B";
        bob.ratchet = {.secret = parties.bobs.draw<crypto::X25519Private>(BobsDraws::signed_prekey),
                       .shared = bundle.signed_prekey.key};
    }

    // Seals and reports one message, whose step, if it makes one, is drawn then.
    crypto::Sealed seal(Example& example, crypto::Session& session, RatchetSide& from, const RatchetSide& to,
                        Bytes plaintext, crypto::Step step) {
        const std::size_t at = from.random.made();
        auto sealed = session.seal(plaintext, step);
        REQUIRE(sealed);
        if (sealed->stepped) take_step(example, from, to, std::exchange(from.begun, {}).value_or(at));
        add_message(example, from, *sealed, plaintext);
        return std::move(*sealed);
    }

  private:
    // The page's step, with the draws from `at` on. Alice's first has no encapsulation.
    void take_step(Example& example, RatchetSide& from, const RatchetSide& to, std::size_t at) {
        using namespace crypto;
        const std::string name = from.key_name = from.letter + std::to_string(from.steps++);
        from.ratchet.secret = from.random.draw<X25519Private>(at);
        from.ratchet.shared = public_of(from.ratchet.secret);
        const auto seed = from.random.draw<KemSeed>(at + 1);
        from.kem = kem_pair_of(seed);
        example.value(name + " private", from.ratchet.secret.reveal());
        example.value(name, from.ratchet.shared.bytes);
        example.value(name + " KEM seed", seed.reveal());
        example.value(name + " KEM key", from.kem.shared.bytes);
        if (to.steps > 0) {
            const Buffer m = from.random.draw(at + 2, 32);
            GivenRandom repeated(m);
            auto made = encapsulate(to.kem.shared, repeated);
            REQUIRE(made);
            from.beginning = std::move(*made);
            example.value("ML-KEM encapsulation m", m);
            example.value("ct", from.beginning->ciphertext.bytes);
            example.value("ss", from.beginning->secret.reveal());
        }
        const auto dh = agree(from.ratchet.secret, to.ratchet.shared);
        RootStep made =
            root_step(root_, *dh, from.beginning ? &*from.beginning : nullptr, from.ratchet.shared, to.ratchet.shared);
        root_ = std::move(made.root);
        from.chain = std::move(made.chain);
        // §4.3 of the Double Ratchet: the initiator's first chain has the shared header key, others the one before.
        from.header = std::move(from.next_header);
        from.next_header = std::move(made.next_header);
        from.previous = std::exchange(from.number, 0);
        example.value("DH(" + name + ", " + to.key_name + ")", dh->reveal());
        example.value("root key", root_.reveal());
        example.value("chain key", from.chain.reveal());
        example.value("header key", from.header.reveal());
        example.value("next header key", from.next_header.reveal());
    }

    // The message that the session sealed, whose header nonce was the last draw.
    void add_message(Example& example, RatchetSide& from, const crypto::Sealed& sealed, Bytes plaintext) {
        using namespace crypto;
        const auto parsed = parse_message(sealed.message);
        REQUIRE(parsed);
        MessageKeys keys = step_chain(from.chain);
        RatchetHeader header{.key = from.ratchet.shared,
                             .previous = from.previous,
                             .number = from.number++,
                             .ciphertext = {},
                             .kem_key = {}};
        if (parsed->type != MessageType::answered) header.kem_key = from.kem.shared.bytes;
        if (parsed->type == MessageType::unanswered) header.ciphertext = from.beginning->ciphertext.bytes;
        std::array<std::byte, longest_ratchet_header> room;
        const Bytes plain = write_header(header, room);
        example.value("message key", keys.key.reveal());
        example.value("export secret", keys.exported.reveal());
        example.value("next chain key", from.chain.reveal());
        example.value("header nonce", from.random.draw(from.random.made() - 1, xaead_nonce_size));
        example.value("header", plain);
        example.value("plaintext", plaintext);
        example.value("message", sealed.message);

        CHECK(std::ranges::equal(sealed.exported.reveal(), keys.exported.reveal()));
        Associated associated(associated_);
        Buffer opened(plain.size());
        REQUIRE(open_header(from.header, parsed->header,
                            associated.add(parsed->front.first(parsed->front.size() - parsed->header.size())), opened));
        CHECK(std::ranges::equal(opened, plain));
        opened.resize(plaintext.size());
        REQUIRE(open_once(std::move(keys.key), parsed->sealed, associated.add(parsed->header), opened));
        CHECK(std::ranges::equal(opened, plaintext));
    }

    crypto::AssociatedData associated_;
    crypto::RootKey root_;
};

}  // namespace sotto::test
