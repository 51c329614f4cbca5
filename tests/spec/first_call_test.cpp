// The worked example of docs/protocol.md and tests/vectors/first_call.json: every value of one call, from plain
// randomness. With SOTTO_REGENERATE set in the environment both are written; without, both must say what we compute.
#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "call/signal.h"
#include "crypto/chain.h"
#include "crypto/encoding.h"
#include "crypto/media_keys.h"
#include "crypto/pqxdh.h"
#include "crypto/primitives.h"
#include "crypto/root_chain.h"
#include "crypto/safety_number.h"
#include "crypto/session.h"

using namespace sotto;
using namespace sotto::crypto;

namespace {

// The k-th draw is filled with the byte first + k.
class PlainRandom final : public Random {
  public:
    explicit PlainRandom(int first) : next_(first) {}
    void fill(MutableBytes out) override {
        std::ranges::fill(out, static_cast<std::byte>(next_));
        ++next_;
    }

  private:
    int next_;
};

// Names and values in the order in which a call makes them.
class Example {
  public:
    void section(const std::string& title) {
        json_[title] = nlohmann::ordered_json::object();
        title_ = title;
    }
    void value(const std::string& name, Bytes bytes) { json_[title_][name] = to_hex(bytes); }
    void text(const std::string& name, const std::string& text) { json_[title_][name] = text; }

    std::string as_json() const { return json_.dump(2) + "\n"; }
    std::string as_markdown() const {
        std::ostringstream out;
        for (const auto& [title, values] : json_.items()) {
            out << "\n### " << title << "\n\n```\n";
            for (const auto& [name, value] : values.items()) out << line(name, value.get<std::string>());
            out << "```\n";
        }
        return out.str();
    }

  private:
    static std::string line(const std::string& name, const std::string& value) {
        const auto bytes = from_hex(value);
        if (!bytes || bytes->size() <= 64)
            return name + std::string(name.size() < 28 ? 28 - name.size() : 1, ' ') + value + "\n";
        const auto digest = sha512({*bytes});
        return name + std::string(name.size() < 28 ? 28 - name.size() : 1, ' ') + std::to_string(bytes->size()) +
               " bytes, SHA-512 " + to_hex(Bytes(digest).first(16)) + "...\n";
    }
    nlohmann::ordered_json json_ = nlohmann::ordered_json::object();
    std::string title_;
};

// What a session's random source gives, for whoever repeats the example without our code.
std::array<std::byte, 32> drawn(int byte) {
    std::array<std::byte, 32> bytes;
    bytes.fill(static_cast<std::byte>(byte));
    return bytes;
}

template <class T>
T secret_of(int byte) {
    T secret;
    std::ranges::fill(secret.fill(), static_cast<std::byte>(byte));
    return secret;
}

constexpr call::StreamOffer alices_streams{
    .audio = true, .video = true, .audio_ssrc = Ssrc{0xa1a1a1a1}, .video_ssrc = Ssrc{0xa2a2a2a2}};
constexpr call::StreamOffer bobs_streams{
    .audio = true, .video = true, .audio_ssrc = Ssrc{0xb1b1b1b1}, .video_ssrc = Ssrc{0xb2b2b2b2}};

void add_chain_step(Example& example, ChainKey& chain) {
    const MessageKeys keys = step_chain(chain);
    example.value("message key", keys.key.reveal());
    example.value("export secret", keys.exported.reveal());
    example.value("next chain key", chain.reveal());
}

void add_media_keys(Example& example, CallSecret&& secret, const CallBinding& binding) {
    Generation generation(std::move(secret), 0, binding, Role::caller);
    for (int epoch = 0; epoch < 2; ++epoch) {
        const auto to_callee = generation.sending.next();
        const auto to_caller = generation.receiving.next();
        REQUIRE(to_callee);
        REQUIRE(to_caller);
        const std::string of = "epoch " + std::to_string(epoch) + " ";
        example.value(of + "audio to callee", to_callee->audio.reveal());
        example.value(of + "video to callee", to_callee->video.reveal());
        example.value(of + "audio to caller", to_caller->audio.reveal());
        example.value(of + "video to caller", to_caller->video.reveal());
    }
}

Example make_example() {
    Example example;
    PlainRandom alices(0xa0), bobs(0xb0);

    const Identity alice = Identity::generate(alices), bob = Identity::generate(bobs);
    example.section("Identities");
    for (const auto& [name, identity] : {std::pair("Alice", &alice), std::pair("Bob", &bob)}) {
        example.value(std::string(name) + " seed", identity->seed().reveal());
        example.value(std::string(name) + " identity", identity->public_identity().key);
        example.value(std::string(name) + " X(identity)", agreement_key(identity->public_identity())->bytes);
    }
    example.text("safety number", safety_number(alice.public_identity(), bob.public_identity()));

    PrekeyStore prekeys = PrekeyStore::generate(bob, 1, bobs);
    const PrekeyBundle bundle = prekeys.publish();
    const auto keys = prekeys.find({}, {bundle.signed_prekey.id, bundle.kem_prekey.id, bundle.one_time->id});
    REQUIRE(keys);
    const X25519KeyPair& signed_prekey = keys->signed_prekey;
    example.section("Bob's bundle");
    example.value("signed prekey private", signed_prekey.secret.reveal());
    example.value("signed prekey", bundle.signed_prekey.key.bytes);
    example.value("signed prekey signature", bundle.signed_prekey.signature);
    example.value("KEM prekey seed", secret_of<Secret<struct SeedRole, 64>>(0xb3).reveal());
    example.value("KEM prekey", bundle.kem_prekey.key.bytes);
    example.value("KEM prekey signature", bundle.kem_prekey.signature);
    example.value("one-time prekey private", keys->one_time->secret.reveal());
    example.value("one-time prekey", bundle.one_time->key.bytes);
    example.value("bundle", encode(bundle));

    // The same draws as the session below makes: EK_A, then ML-KEM's, then A0.
    PlainRandom repeated(0xa1);
    const auto agreed = initiate_pqxdh(alice, bundle, repeated);
    REQUIRE(agreed);
    const auto base = secret_of<X25519Private>(0xa1), a0 = secret_of<X25519Private>(0xa3);
    example.section("PQXDH");
    example.value("EK_A private", base.reveal());
    example.value("EK_A", agreed->base_key.bytes);
    example.value("ML-KEM encapsulation m", drawn(0xa2));
    example.value("CT", agreed->ciphertext.bytes);
    example.value("DH1", alice.agree(bundle.signed_prekey.key)->reveal());
    example.value("DH2", agree(base, *agreement_key(bob.public_identity()))->reveal());
    example.value("DH3", agree(base, bundle.signed_prekey.key)->reveal());
    example.value("DH4", agree(base, bundle.one_time->key)->reveal());
    example.value("SS", decapsulate(keys->kem_prekey.secret, agreed->ciphertext)->reveal());
    example.value("SK", agreed->shared.reveal());
    example.value("AD", agreed->associated);

    RootKey sk;
    std::ranges::copy(agreed->shared.reveal(), sk.fill().begin());
    const auto first_dh = agree(a0, bundle.signed_prekey.key);
    RootStep first = root_step(sk, *first_dh);
    auto alices_session = Session::initiate(alice, bundle, alices);
    REQUIRE(alices_session);
    CallBinding binding{.call = {}, .caller = alice.public_identity(), .callee = bob.public_identity()};
    binding.call.bytes.fill(std::byte{0xca});
    const auto offer_plain = *call::encode({.call = binding.call, .body = call::Offer{alices_streams}});
    auto offer = alices_session->seal(offer_plain);
    REQUIRE(offer);
    example.section("The offer, Alice's first message");
    example.value("A0 private", a0.reveal());
    example.value("A0", public_of(a0).bytes);
    example.value("DH(A0, SPK_B)", first_dh->reveal());
    example.value("root key", first.root.reveal());
    example.value("chain key", first.chain.reveal());
    add_chain_step(example, first.chain);
    example.value("plaintext", offer_plain);
    example.value("message", offer->message);

    auto accepted = Session::accept(bob, prekeys, offer->message, bobs);
    REQUIRE(accepted);
    REQUIRE(std::ranges::equal(accepted->first.plaintext, offer_plain));
    const auto b0 = secret_of<X25519Private>(0xb7);
    const auto second_dh = agree(b0, public_of(a0));
    RootStep second = root_step(first.root, *second_dh);
    const auto answer_plain = *call::encode({.call = binding.call, .body = call::Answer{bobs_streams}});
    auto answer = accepted->session.seal(answer_plain);
    REQUIRE(answer);
    example.section("The answer, Bob's first message");
    example.value("B0 private", b0.reveal());
    example.value("B0", public_of(b0).bytes);
    example.value("DH(B0, A0)", second_dh->reveal());
    example.value("root key", second.root.reveal());
    example.value("chain key", second.chain.reveal());
    add_chain_step(example, second.chain);
    example.value("plaintext", answer_plain);
    example.value("message", answer->message);
    auto answered = alices_session->open(answer->message);
    REQUIRE(answered);

    example.section("Media keys");
    example.value("call id", binding.call.bytes);
    CallSecret secret = derive_call_secret(std::move(offer->exported), std::move(answered->exported), binding);
    example.value("call secret", secret.reveal());
    add_media_keys(example, std::move(secret), binding);
    return example;
}

std::string read(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

void write(const std::string& path, const std::string& text) { std::ofstream(path, std::ios::binary) << text; }

}  // namespace

TEST_CASE("the worked example of docs/protocol.md and the vectors are what this code computes") {
    const Example example = make_example();
    const std::string vectors = SOTTO_TEST_DATA "/first_call.json", page = SOTTO_DOCS "/protocol.md";
    const std::string begin = "<!-- example: written by tests/spec/first_call_test.cpp -->\n";
    const std::string end = "<!-- end of example -->";
    const std::string text = read(page);
    const auto from = text.find(begin), to = text.find(end);
    REQUIRE(from != std::string::npos);
    REQUIRE(to != std::string::npos);
    const auto body = from + begin.size();
    if (std::getenv("SOTTO_REGENERATE") != nullptr) {
        write(vectors, example.as_json());
        write(page, text.substr(0, body) + example.as_markdown() + text.substr(to));
        return;
    }
    CHECK(read(vectors) == example.as_json());
    CHECK(text.substr(body, to - body) == example.as_markdown());
}
