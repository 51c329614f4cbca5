// The libsodium calls that docs/protocol.md, sections 3 to 6, asks for, and nothing around them: no state, no messages.
#pragma once

#include <sodium.h>

#include <array>
#include <vector>

#include "sotto/bytes.h"

namespace sotto::bench {

template <std::size_t N>
std::array<unsigned char, N> random_bytes() {
    std::array<unsigned char, N> bytes;
    randombytes_buf(bytes.data(), bytes.size());
    return bytes;
}

// What both ends of a session must compute. The sizes are right, the values are whatever serves.
class BareRatchet {
  public:
    BareRatchet();

    // A message in a chain that is answered, sealed and opened.
    void message(Bytes plaintext);
    // A message with a step of the sender's, sealed and opened. The receiver tries its present header key first.
    void step(Bytes plaintext);
    // Of that step ML-KEM alone: a key pair, an encapsulation, a decapsulation.
    void step_kem();
    // From a bundle to the first message, with a one-time prekey: its signatures and points, PQXDH, the first step,
    // the message sealed.
    void dial(Bytes plaintext);

  private:
    using Key = std::array<unsigned char, 32>;
    struct Signed {
        std::size_t size = 0;
        std::array<unsigned char, crypto_sign_BYTES> signature{};
    };

    void agree();
    void make_key_pair();
    void kdf_root(std::size_t key_material);
    void kdf_chain();
    void seal_header(std::size_t size, std::size_t before);
    void open_header(std::size_t size, std::size_t before, bool ours);
    void seal_body(Bytes plaintext, std::size_t before);
    void open_body(std::size_t size, std::size_t before);

    std::array<unsigned char, 4096> associated_ = random_bytes<4096>();
    std::vector<unsigned char> header_, sealed_header_, body_, opened_;
    std::array<unsigned char, crypto_aead_xchacha20poly1305_ietf_NPUBBYTES> nonce_{};
    Key header_key_ = random_bytes<32>(), other_key_ = random_bytes<32>();
    Key scalar_ = random_bytes<32>(), point_{}, theirs_{}, shared_{};
    Key body_key_{};
    std::array<unsigned char, 64> prk_{};
    std::array<unsigned char, 96> derived_{}, chain_{};  // what KDF_RK and KDF_CK yield, three keys each

    std::array<unsigned char, crypto_sign_PUBLICKEYBYTES> signer_{};
    std::array<unsigned char, crypto_sign_SECRETKEYBYTES> signing_{};
    std::array<unsigned char, crypto_kem_mlkem768_PUBLICKEYBYTES> kem_public_{};
    std::array<unsigned char, crypto_kem_mlkem768_SECRETKEYBYTES> kem_secret_{};
    std::array<unsigned char, crypto_kem_mlkem768_CIPHERTEXTBYTES> ciphertext_{};
    std::array<unsigned char, crypto_kem_mlkem768_SHAREDSECRETBYTES> kem_shared_{};
    std::vector<Signed> signed_;
};

}  // namespace sotto::bench
