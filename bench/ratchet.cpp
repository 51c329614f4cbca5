// Session::seal() and open(), against the libsodium calls that the same messages need.
#include <sodium.h>

#include "bench/allocations.h"
#include "bench/subjects.h"
#include "crypto/session.h"

namespace sotto::bench {
namespace {

constexpr const char* subject = "ratchet";
constexpr std::size_t plaintext_size = 256;           // a call signal
constexpr std::size_t associated_size = 64 + 2 + 40;  // PQXDH's AD, then the message's version, type and header
constexpr int messages = 32;                          // a time, in one chain
constexpr int turns = 8;                              // a time, each with a Diffie-Hellman step

using Time = std::array<double, 1>;  // microseconds a message

template <std::size_t N>
std::array<unsigned char, N> random_bytes() {
    std::array<unsigned char, N> bytes;
    randombytes_buf(bytes.data(), bytes.size());
    return bytes;
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
        const auto first = must(alice.seal({}), "cannot seal");
        auto accepted = must(crypto::Session::accept(bobs, prekeys, first.message, random), "cannot accept");
        const auto reply = must(accepted.session.seal({}), "cannot seal");
        must(alice.open(reply.message), "cannot open");
        return {std::move(alice), std::move(accepted.session)};
    }
};

void send(crypto::Session& from, crypto::Session& to, Bytes plaintext) {
    const auto sealed = must(from.seal(plaintext), "cannot seal");
    const auto opened = must(to.open(sealed.message), "cannot open");
    require(opened.plaintext.size() == plaintext.size(), "a message did not come out as it went in");
}

// What one message in a chain needs, both sides: four HMAC-SHA-512 (crypto/chain.cpp) and the cipher twice.
class BareMessage {
  public:
    void send(Bytes plaintext) {
        std::array<unsigned char, plaintext_size + crypto_aead_chacha20poly1305_ietf_ABYTES> sealed;
        std::array<unsigned char, plaintext_size> opened;
        step(sending_);
        crypto_aead_chacha20poly1305_ietf_encrypt(
            sealed.data(), nullptr, reinterpret_cast<const unsigned char*>(plaintext.data()), plaintext.size(),
            associated_.data(), associated_.size(), nullptr, nonce_.data(), message_key_.data());
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
};

// What one Diffie-Hellman step needs (DHRatchet in crypto/session.cpp): the shared secret of the receiving
// chain, a new key pair, the shared secret of the sending chain.
class BareStep {
  public:
    void turn() {
        std::array<unsigned char, crypto_scalarmult_BYTES> secret, shared;
        require(crypto_scalarmult(secret.data(), scalar_.data(), theirs_.data()) == 0, "libsodium refused");
        crypto_scalarmult_base(shared.data(), next_.data());
        require(crypto_scalarmult(secret.data(), next_.data(), theirs_.data()) == 0, "libsodium refused");
        std::swap(scalar_, next_);
        theirs_ = shared;
    }

  private:
    using Scalar = std::array<unsigned char, crypto_scalarmult_SCALARBYTES>;

    static Scalar public_key() {
        const Scalar secret = random_bytes<crypto_scalarmult_SCALARBYTES>();
        Scalar shared;
        crypto_scalarmult_base(shared.data(), secret.data());
        return shared;
    }

    Scalar scalar_ = random_bytes<crypto_scalarmult_SCALARBYTES>();
    Scalar next_ = random_bytes<crypto_scalarmult_SCALARBYTES>();
    Scalar theirs_ = public_key();
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
    const auto ours = [&] { return each(messages, [&](int) { send(pair.alice, pair.bob, plaintext); }); };
    const auto theirs = [&] { return each(messages, [&](int) { bare.send(plaintext); }); };
    const auto compared = interleave<1>(run.budget, ours, theirs);
    run.report.add(subject, "a message in one chain", "4 HMAC-SHA-512, ChaCha20-Poly1305 twice", compared[0], 1.5);

    const Allocations made = allocations_of(ours);
    run.report.add({.subject = subject,
                    .name = "own allocations (operator new)",
                    .unit = "a message",
                    .value = exactly(static_cast<double>(made.own) / messages)});
}

void measure_steps(const Run& run, Bytes plaintext) {
    Pair pair = Pair::meet();
    BareStep bare;
    const auto turn = [&](int i) {
        const bool alice = i % 2 == 0;
        send(alice ? pair.alice : pair.bob, alice ? pair.bob : pair.alice, plaintext);
    };
    const auto compared = interleave<1>(
        run.budget, [&] { return each(turns, turn); }, [&] { return each(turns, [&](int) { bare.turn(); }); });
    run.report.add(subject, "a message with a Diffie-Hellman step", "X25519: 2 shared secrets, 1 public key",
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
