// What libsodium makes or is given that nobody may find later: the linker (--wrap) leads the library's calls through
// here. So every secret of every layer is known, whatever the protocol derives it for.
#include <openssl/evp.h>
#include <sodium.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <initializer_list>
#include <memory>

#include "memory/needles.h"
#include "sotto/secret.h"

namespace {

void secret(const char* what, const void* data, std::size_t size) {
    sotto::test::Needles::all().add(what, {static_cast<const std::byte*>(data), size});
}

// What libsrtp derives from a master key and salt (RFC 3711 §4.3, RFC 7714 §11), by an implementation of its own.
void srtp_session_keys(const unsigned char* master) {
    using Context = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;
    for (const int label : {0, 3}) {  // the encryption keys of SRTP and of SRTCP
        std::array<unsigned char, 16> iv{};
        std::copy_n(master + 32, 12, iv.begin());
        iv[7] ^= static_cast<unsigned char>(label);
        std::array<unsigned char, 32> key{};
        int size = 0;
        const Context context(EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free);
        if (EVP_EncryptInit_ex(context.get(), EVP_aes_256_ctr(), nullptr, master, iv.data()) != 1 ||
            EVP_EncryptUpdate(context.get(), key.data(), &size, key.data(), static_cast<int>(key.size())) != 1) {
            std::abort();
        }
        secret("an SRTP session key", key.data(), key.size());
        sotto::wipe(key.data(), key.size());
    }
}

}  // namespace

// NOLINTBEGIN(bugprone-reserved-identifier): --wrap gives the names
extern "C" {

int __real_crypto_scalarmult_base(unsigned char* q, const unsigned char* n);
int __wrap_crypto_scalarmult_base(unsigned char* q, const unsigned char* n) {
    secret("an X25519 private key", n, 32);
    return __real_crypto_scalarmult_base(q, n);
}

int __real_crypto_scalarmult(unsigned char* q, const unsigned char* n, const unsigned char* p);
int __wrap_crypto_scalarmult(unsigned char* q, const unsigned char* n, const unsigned char* p) {
    const int done = __real_crypto_scalarmult(q, n, p);
    secret("an X25519 secret", q, 32);
    return done;
}

int __real_crypto_sign_seed_keypair(unsigned char* pk, unsigned char* sk, const unsigned char* seed);
int __wrap_crypto_sign_seed_keypair(unsigned char* pk, unsigned char* sk, const unsigned char* seed) {
    secret("an identity's or a device's seed", seed, 32);
    return __real_crypto_sign_seed_keypair(pk, sk, seed);
}

int __real_crypto_sign_ed25519_sk_to_curve25519(unsigned char* x, const unsigned char* ed);
int __wrap_crypto_sign_ed25519_sk_to_curve25519(unsigned char* x, const unsigned char* ed) {
    const int done = __real_crypto_sign_ed25519_sk_to_curve25519(x, ed);
    secret("a device's X25519 private key", x, 32);
    return done;
}

int __real_crypto_kem_mlkem768_seed_keypair(unsigned char* pk, unsigned char* sk, const unsigned char* seed);
int __wrap_crypto_kem_mlkem768_seed_keypair(unsigned char* pk, unsigned char* sk, const unsigned char* seed) {
    const int done = __real_crypto_kem_mlkem768_seed_keypair(pk, sk, seed);
    secret("an ML-KEM seed", seed, 64);
    secret("an ML-KEM private key", sk, 1152);  // the public key and its hash follow, then the end of the seed
    return done;
}

int __real_crypto_kem_mlkem768_enc_deterministic(unsigned char* ct, unsigned char* ss, const unsigned char* pk,
                                                 const unsigned char* seed);
int __wrap_crypto_kem_mlkem768_enc_deterministic(unsigned char* ct, unsigned char* ss, const unsigned char* pk,
                                                 const unsigned char* seed) {
    const int done = __real_crypto_kem_mlkem768_enc_deterministic(ct, ss, pk, seed);
    secret("an ML-KEM encapsulation's randomness", seed, 32);
    secret("an ML-KEM secret", ss, 32);
    return done;
}

int __real_crypto_auth_hmacsha512_final(crypto_auth_hmacsha512_state* state, unsigned char* out);
int __wrap_crypto_auth_hmacsha512_final(crypto_auth_hmacsha512_state* state, unsigned char* out) {
    const int done = __real_crypto_auth_hmacsha512_final(state, out);
    secret("an HMAC: an epoch secret or its like", out, 64);
    return done;
}

int __real_crypto_stream_chacha20_ietf(unsigned char* c, unsigned long long clen, const unsigned char* n,
                                       const unsigned char* k);
int __wrap_crypto_stream_chacha20_ietf(unsigned char* c, unsigned long long clen, const unsigned char* n,
                                       const unsigned char* k) {
    const int done = __real_crypto_stream_chacha20_ietf(c, clen, n, k);
    secret("a chain step: message key, export secret or chain key", c, clen);
    return done;
}

int __real_crypto_kdf_hkdf_sha512_extract_final(crypto_kdf_hkdf_sha512_state* state, unsigned char* prk);
int __wrap_crypto_kdf_hkdf_sha512_extract_final(crypto_kdf_hkdf_sha512_state* state, unsigned char* prk) {
    const int done = __real_crypto_kdf_hkdf_sha512_extract_final(state, prk);
    secret("an extracted key", prk, 64);
    return done;
}

int __real_crypto_kdf_hkdf_sha512_expand(unsigned char* out, std::size_t size, const char* info, std::size_t info_size,
                                         const unsigned char* prk);
int __wrap_crypto_kdf_hkdf_sha512_expand(unsigned char* out, std::size_t size, const char* info, std::size_t info_size,
                                         const unsigned char* prk) {
    const int done = __real_crypto_kdf_hkdf_sha512_expand(out, size, info, info_size, prk);
    secret(size == 44 ? "an SRTP master key" : "an expanded secret: shared, root, header, call or epoch key", out,
           size == 44 ? 32 : size);
    if (size == 44) srtp_session_keys(out);
    return done;
}

}  // extern "C"
// NOLINTEND(bugprone-reserved-identifier)
