// libsodium's primitives under our key types. Nothing here is cryptography of our own.
#pragma once

#include <array>
#include <initializer_list>

#include "crypto/keys.h"
#include "sotto/bytes.h"
#include "sotto/error.h"
#include "sotto/random.h"

namespace sotto::crypto {

// Overwrites what calls that have returned left below the present frame: compilers and libsodium spill pieces of keys
// there that no holder of a secret can wipe.
void wipe_dead_stack();

// Lets libsodium choose the fastest code for this processor. Cheap after the first time.
void prepare_primitives();

// X25519 (RFC 7748).
X25519KeyPair generate_x25519(Random& random);
X25519Public public_of(const X25519Private& secret);
// Error::bad_key for an all-zero result (RFC 7748 §6.1).
Result<DhSecret> agree(const X25519Private& ours, const X25519Public& theirs);

// ML-KEM-768 (FIPS 203). Randomness comes from `random`, so that tests replay.
KemKeyPair generate_kem(Random& random);
KemKeyPair kem_pair_of(const KemSeed& seed);
struct Encapsulated {
    KemCiphertext ciphertext;
    KemSecret secret;
};
// FIPS 203 §7.2's modulus check.
bool is_valid(const KemPublic& key);
// Error::bad_key for an encapsulation key that is not valid.
Result<Encapsulated> encapsulate(const KemPublic& theirs, Random& random);
// Wrong ciphertexts give an unrelated secret (implicit rejection, FIPS 203 §6.3). Error::bad_key for a key of ours that
// was damaged where it was kept: one that fails FIPS 203 §7.3's hash check.
Result<KemSecret> decapsulate(const KemPrivate& ours, const KemCiphertext& ciphertext);

// HMAC-SHA-512 (RFC 2104) and HKDF-SHA-512 (RFC 5869).
using Prk = Secret<struct PrkRole, 64>;  // also the 64-byte outputs that key another expansion
void hmac_sha512(Bytes key, Bytes message, std::span<std::byte, 64> out);
// An empty salt stands for 64 zero bytes, as RFC 5869 §2.2 has it. The parts of `ikm` are joined.
Prk hkdf_extract(Bytes salt, std::initializer_list<Bytes> ikm);
// Room for an output. A length beyond RFC 5869 §2.3's limit, or known only at run time, does not compile.
inline constexpr std::size_t hkdf_max = 255 * 64;
struct HkdfOutput {
    template <std::size_t N>
        requires(N <= hkdf_max)
    HkdfOutput(std::span<std::byte, N> out) : bytes(out) {}
    MutableBytes bytes;
};
void hkdf_expand(std::span<const std::byte, 64> prk, Bytes info, HkdfOutput out);

// 96 bytes of ChaCha20's key stream (RFC 8439 §2.4) under a chain key, the label as nonce, from block 0.
void expand_chain(const ChainKey& chain, std::span<std::byte, 96> out);

// ChaCha20-Poly1305 (RFC 8439) under a key that seals exactly one message, with the all-zero nonce.
inline constexpr std::size_t aead_overhead = 16;
void seal_once(MessageKey&& key, Bytes plaintext, Bytes associated, MutableBytes out);
// Error::forged; `out` is plaintext.size() = sealed.size() - aead_overhead bytes.
Result<void> open_once(MessageKey&& key, Bytes sealed, Bytes associated, MutableBytes out);

// XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03) under a key that seals more than once: a random nonce stands before
// the ciphertext.
inline constexpr std::size_t xaead_nonce_size = 24;
inline constexpr std::size_t xaead_overhead = xaead_nonce_size + 16;
// `out` is plaintext.size() + xaead_overhead bytes.
void xaead_seal(std::span<const std::byte, 32> key, Bytes plaintext, Bytes associated, Random& random,
                MutableBytes out);
// Errors: truncated, forged; `out` is sealed.size() - xaead_overhead bytes.
Result<void> xaead_open(std::span<const std::byte, 32> key, Bytes sealed, Bytes associated, MutableBytes out);

inline constexpr std::size_t header_overhead = xaead_overhead;
inline void seal_header(const HeaderKey& key, Bytes header, Bytes associated, Random& random, MutableBytes out) {
    xaead_seal(key.reveal(), header, associated, random, out);
}
inline Result<void> open_header(const HeaderKey& key, Bytes sealed, Bytes associated, MutableBytes out) {
    return xaead_open(key.reveal(), sealed, associated, out);
}

std::array<std::byte, 64> sha512(std::initializer_list<Bytes> parts);

}  // namespace sotto::crypto
