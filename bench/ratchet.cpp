// Session::seal() and open(), against the libsodium calls that the same messages need.
#include <sodium.h>

#include "bench/allocations.h"
#include "bench/subjects.h"
#include "crypto/session.h"

namespace sotto::bench {
namespace {

constexpr const char* subject = "ratchet";
constexpr std::size_t plaintext_size = 256;           // a call signal
constexpr std::size_t header_size = 40;               // of an answered chain
constexpr std::size_t associated_size = 64 + 2 + 80;  // PQXDH's AD, then the message's version, type and header
constexpr int messages = 32;                          // a time, in one chain
constexpr int round_trips = 4;                        // a time, each with two steps

using Time = std::array<double, 1>;  // microseconds a message or a round trip

template <std::size_t N>
std::array<unsigned char, N> random_bytes() {
    std::array<unsigned char, N> bytes;
    randombytes_buf(bytes.data(), bytes.size());
    return bytes;
}

void send(crypto::Session& from, crypto::Session& to, Bytes plaintext, crypto::Step step) {
    const auto sealed = must(from.seal(plaintext, step), "cannot seal");
    const auto opened = must(to.open(sealed.message), "cannot open");
    require(opened.plaintext.size() == plaintext.size(), "a message did not come out as it went in");
}

// Two sides that have answered each other, so that no initial header is sent any more.
struct Pair {
    crypto::Session alice, bob;

    static Pair meet() {
        Random& random = system_random();
        const auto alices = crypto::Device::generate(crypto::Identity::generate(random), random);
        const auto bobs = crypto::Device::generate(crypto::Identity::generate(random), random);
        auto prekeys = crypto::PrekeyStore::generate(1, random);
        auto alice = must(crypto::Session::initiate(alices, prekeys.publish(bobs), random), "cannot initiate");
        const auto first = must(alice.seal({}, crypto::Step::keep), "cannot seal");
        auto accepted = must(crypto::Session::accept(bobs, prekeys, first.message, random), "cannot accept");
        const auto reply = must(accepted.session.seal({}, crypto::Step::keep), "cannot seal");
        must(alice.open(reply.message), "cannot open");
        return {std::move(alice), std::move(accepted.session)};
    }

    // A step by each: Alice's new chain is answered.
    void begin_chains() {
        send(alice, bob, {}, crypto::Step::fresh);
        send(bob, alice, {}, crypto::Step::fresh);
    }
};

// What one message in a chain needs, both sides: four HMAC-SHA-512 (crypto/chain.cpp), and both ciphers twice.
class BareMessage {
  public:
    void send(Bytes plaintext) {
        std::array<unsigned char, plaintext_size + crypto_aead_chacha20poly1305_ietf_ABYTES> sealed;
        std::array<unsigned char, plaintext_size> opened;
        std::array<unsigned char, header_size + crypto_aead_xchacha20poly1305_ietf_ABYTES> sealed_header;
        std::array<unsigned char, header_size> header{};
        randombytes_buf(header_nonce_.data(), header_nonce_.size());
        crypto_aead_xchacha20poly1305_ietf_encrypt(sealed_header.data(), nullptr, header.data(), header.size(),
                                                   associated_.data(), 64 + 2, nullptr, header_nonce_.data(),
                                                   header_key_.data());
        step(sending_);
        crypto_aead_chacha20poly1305_ietf_encrypt(
            sealed.data(), nullptr, reinterpret_cast<const unsigned char*>(plaintext.data()), plaintext.size(),
            associated_.data(), associated_.size(), nullptr, nonce_.data(), message_key_.data());
        require(crypto_aead_xchacha20poly1305_ietf_decrypt(header.data(), nullptr, nullptr, sealed_header.data(),
                                                           sealed_header.size(), associated_.data(), 64 + 2,
                                                           header_nonce_.data(), header_key_.data()) == 0,
                "libsodium refused");
        step(receiving_);
        const int result = crypto_aead_chacha20poly1305_ietf_decrypt(
            opened.data(), nullptr, nullptr, sealed.data(), sealed.size(), associated_.data(), associated_.size(),
            nonce_.data(), message_key_.data());
        require(result == 0, "libsodium refused");
    }

  private:
    using ChainKey = std::array<unsigned char, crypto_auth_hmacsha512_KEYBYTES>;

    void step(ChainKey& chain) {
        constexpr unsigned char message_constant = 1, chain_constant = 2;
        std::array<unsigned char, crypto_auth_hmacsha512_BYTES> next;
        crypto_auth_hmacsha512(message_key_.data(), &message_constant, 1, chain.data());
        crypto_auth_hmacsha512(next.data(), &chain_constant, 1, chain.data());
        std::copy_n(next.begin(), chain.size(), chain.begin());
    }

    ChainKey sending_ = random_bytes<crypto_auth_hmacsha512_KEYBYTES>();
    ChainKey receiving_ = sending_;
    std::array<unsigned char, crypto_auth_hmacsha512_BYTES> message_key_{};
    std::array<unsigned char, associated_size> associated_ = random_bytes<associated_size>();
    std::array<unsigned char, crypto_aead_chacha20poly1305_ietf_NPUBBYTES> nonce_{};
    std::array<unsigned char, crypto_aead_xchacha20poly1305_ietf_KEYBYTES> header_key_ =
        random_bytes<crypto_aead_xchacha20poly1305_ietf_KEYBYTES>();
    std::array<unsigned char, crypto_aead_xchacha20poly1305_ietf_NPUBBYTES> header_nonce_{};
};

// What one step needs (crypto/ratchet.cpp, ratchet_open.cpp): two new key pairs, a shared secret of each kind at the
// sender, and the same two at the receiver.
class BareStep {
  public:
    BareStep() { crypto_kem_mlkem768_keypair(their_kem_.data(), their_kem_secret_.data()); }

    void step() {
        Secret32 secret, kem_secret;
        Scalar shared;
        crypto_scalarmult_base(shared.data(), ours_.data());
        require(crypto_scalarmult(secret.data(), ours_.data(), theirs_.data()) == 0, "libsodium refused");
        crypto_kem_mlkem768_keypair(our_kem_.data(), our_kem_secret_.data());
        require(crypto_kem_mlkem768_enc(ciphertext_.data(), kem_secret.data(), their_kem_.data()) == 0,
                "libsodium refused");
        require(crypto_scalarmult(secret.data(), their_secret_.data(), shared.data()) == 0, "libsodium refused");
        require(crypto_kem_mlkem768_dec(kem_secret.data(), ciphertext_.data(), their_kem_secret_.data()) == 0,
                "libsodium refused");
    }

  private:
    using Scalar = std::array<unsigned char, crypto_scalarmult_SCALARBYTES>;
    using Secret32 = std::array<unsigned char, 32>;

    static Scalar public_of(const Scalar& secret) {
        Scalar shared;
        crypto_scalarmult_base(shared.data(), secret.data());
        return shared;
    }

    Scalar ours_ = random_bytes<crypto_scalarmult_SCALARBYTES>();
    Scalar their_secret_ = random_bytes<crypto_scalarmult_SCALARBYTES>();
    Scalar theirs_ = public_of(their_secret_);
    std::array<unsigned char, crypto_kem_mlkem768_PUBLICKEYBYTES> our_kem_{}, their_kem_{};
    std::array<unsigned char, crypto_kem_mlkem768_SECRETKEYBYTES> our_kem_secret_{}, their_kem_secret_{};
    std::array<unsigned char, crypto_kem_mlkem768_CIPHERTEXTBYTES> ciphertext_{};
};

template <class Work>
Time each(int times, Work&& work) {
    const double all = timed([&] {
        for (int i = 0; i < times; ++i) work(i);
    });
    return {all / times};
}

void measure_chain(const Run& run, Bytes plaintext) {
    Pair pair = Pair::meet();
    BareMessage bare;
    const auto chain = [&] {
        return each(messages, [&](int) { send(pair.alice, pair.bob, plaintext, crypto::Step::keep); });
    };
    // In a chain that is answered and far from its limit; to get there is not measured.
    const auto ours = [&] {
        pair.begin_chains();
        return chain();
    };
    const auto theirs = [&] { return each(messages, [&](int) { bare.send(plaintext); }); };
    const auto compared = interleave<1>(run.budget, ours, theirs);
    run.report.add(subject, "a message in one chain", "4 HMAC-SHA-512, 2 ChaCha20, 2 XChaCha20", compared[0], 1.5);

    pair.begin_chains();
    const Allocations made = allocations_of(chain);
    run.report.add({.subject = subject,
                    .name = "own allocations (operator new)",
                    .unit = "a message",
                    .value = exactly(static_cast<double>(made.own) / messages)});
}

void measure_steps(const Run& run, Bytes plaintext) {
    Pair pair = Pair::meet();
    BareStep bare;
    const auto round_trip = [&](int) {
        send(pair.alice, pair.bob, plaintext, crypto::Step::fresh);
        send(pair.bob, pair.alice, plaintext, crypto::Step::fresh);
    };
    const auto bare_round_trip = [&](int) {
        bare.step();
        bare.step();
    };
    const auto compared = interleave<1>(
        run.budget, [&] { return each(round_trips, round_trip); }, [&] { return each(round_trips, bare_round_trip); });
    run.report.add(subject, "a round trip with two steps", "X25519: 6; ML-KEM-768: 2 key pairs, 2 each way",
                   compared[0], 1.25);
}

}  // namespace

void measure_ratchet(const Run& run) {
    const auto plaintext = random_bytes<plaintext_size>();
    run.report.note(subject, "256 bytes, sealed by one side and opened by the other");
    measure_chain(run, std::as_bytes(std::span(plaintext)));
    measure_steps(run, std::as_bytes(std::span(plaintext)));
}

}  // namespace sotto::bench
