// Where libsodium's results become public: the linker (--wrap) leads the library's calls through here. libsodium's own
// code runs unchanged; only what it says is marked.
#include <sodium.h>

#include "ct/taint.h"

using namespace sotto::ct;

namespace {

// A verdict that the protocol shows: the message or the key is refused, or it is not.
int public_verdict(int verdict) {
    mark_public(&verdict, sizeof(verdict));
    return verdict;
}

constexpr std::size_t kem_inner = 1152;  // of a decapsulation key: dk_PKE, then ek and H(ek), then z (FIPS 203)
constexpr std::size_t kem_public = 1184 + 32;

}  // namespace

// NOLINTBEGIN(bugprone-reserved-identifier): --wrap gives the names
extern "C" {

int __real_crypto_scalarmult_base(unsigned char* q, const unsigned char* n);
int __wrap_crypto_scalarmult_base(unsigned char* q, const unsigned char* n) {
    const int done = __real_crypto_scalarmult_base(q, n);
    mark_public(q, 32);  // a public key
    return done;
}

int __real_crypto_scalarmult(unsigned char* q, const unsigned char* n, const unsigned char* p);
int __wrap_crypto_scalarmult(unsigned char* q, const unsigned char* n, const unsigned char* p) {
    return public_verdict(__real_crypto_scalarmult(q, n, p));  // an all-zero result is refused, RFC 7748 §6.1
}

int __real_crypto_sign_seed_keypair(unsigned char* pk, unsigned char* sk, const unsigned char* seed);
int __wrap_crypto_sign_seed_keypair(unsigned char* pk, unsigned char* sk, const unsigned char* seed) {
    const int done = __real_crypto_sign_seed_keypair(pk, sk, seed);
    mark_public(pk, 32);       // a public key
    mark_public(sk + 32, 32);  // which stands behind the seed once more
    return done;
}

int __real_crypto_sign_detached(unsigned char* sig, unsigned long long* size, const unsigned char* m,
                                unsigned long long mlen, const unsigned char* sk);
int __wrap_crypto_sign_detached(unsigned char* sig, unsigned long long* size, const unsigned char* m,
                                unsigned long long mlen, const unsigned char* sk) {
    const int done = __real_crypto_sign_detached(sig, size, m, mlen, sk);
    mark_public(sig, 64);  // a signature
    return done;
}

// The seed gives rho, from which the public matrix is drawn by rejection (FIPS 203 §4.2.2): libsodium branches on it,
// and may. So the seed is shown to it, and what comes out is secret again but for the public key inside.
int __real_crypto_kem_mlkem768_seed_keypair(unsigned char* pk, unsigned char* sk, const unsigned char* seed);
int __wrap_crypto_kem_mlkem768_seed_keypair(unsigned char* pk, unsigned char* sk, const unsigned char* seed) {
    mark_public(seed, 64);
    const int done = __real_crypto_kem_mlkem768_seed_keypair(pk, sk, seed);
    mark_secret(seed, 64);
    mark_secret(sk, kem_inner);
    mark_secret(sk + kem_inner + kem_public, 32);
    return done;
}

int __real_crypto_kem_mlkem768_enc_deterministic(unsigned char* ct, unsigned char* ss, const unsigned char* pk,
                                                 const unsigned char* seed);
int __wrap_crypto_kem_mlkem768_enc_deterministic(unsigned char* ct, unsigned char* ss, const unsigned char* pk,
                                                 const unsigned char* seed) {
    const int done = __real_crypto_kem_mlkem768_enc_deterministic(ct, ss, pk, seed);
    mark_public(ct, 1088);  // a ciphertext
    return public_verdict(done);
}

using Encrypt = int(unsigned char* c, unsigned long long* clen, const unsigned char* m, unsigned long long mlen,
                    const unsigned char* ad, unsigned long long adlen, const unsigned char* nsec,
                    const unsigned char* npub, const unsigned char* k);
using Decrypt = int(unsigned char* m, unsigned long long* mlen, unsigned char* nsec, const unsigned char* c,
                    unsigned long long clen, const unsigned char* ad, unsigned long long adlen,
                    const unsigned char* npub, const unsigned char* k);

Encrypt __real_crypto_aead_chacha20poly1305_ietf_encrypt;
int __wrap_crypto_aead_chacha20poly1305_ietf_encrypt(unsigned char* c, unsigned long long* clen, const unsigned char* m,
                                                     unsigned long long mlen, const unsigned char* ad,
                                                     unsigned long long adlen, const unsigned char* nsec,
                                                     const unsigned char* npub, const unsigned char* k) {
    const int done = __real_crypto_aead_chacha20poly1305_ietf_encrypt(c, clen, m, mlen, ad, adlen, nsec, npub, k);
    mark_public(c, mlen + 16);  // ciphertext and tag
    return done;
}

Encrypt __real_crypto_aead_xchacha20poly1305_ietf_encrypt;
int __wrap_crypto_aead_xchacha20poly1305_ietf_encrypt(unsigned char* c, unsigned long long* clen,
                                                      const unsigned char* m, unsigned long long mlen,
                                                      const unsigned char* ad, unsigned long long adlen,
                                                      const unsigned char* nsec, const unsigned char* npub,
                                                      const unsigned char* k) {
    const int done = __real_crypto_aead_xchacha20poly1305_ietf_encrypt(c, clen, m, mlen, ad, adlen, nsec, npub, k);
    mark_public(c, mlen + 16);  // ciphertext and tag
    return done;
}

// libsodium compares the tags in constant time and then branches on the verdict, which is public: reporting pauses for
// that. What it opens stays secret, and what it refuses it fills with zeros.
Decrypt __real_crypto_aead_chacha20poly1305_ietf_decrypt;
int __wrap_crypto_aead_chacha20poly1305_ietf_decrypt(unsigned char* m, unsigned long long* mlen, unsigned char* nsec,
                                                     const unsigned char* c, unsigned long long clen,
                                                     const unsigned char* ad, unsigned long long adlen,
                                                     const unsigned char* npub, const unsigned char* k) {
    VALGRIND_DISABLE_ERROR_REPORTING;
    const int done = __real_crypto_aead_chacha20poly1305_ietf_decrypt(m, mlen, nsec, c, clen, ad, adlen, npub, k);
    VALGRIND_ENABLE_ERROR_REPORTING;
    return public_verdict(done);
}

// What stands in a header: the sender's public keys and numbers. They steer the receiver, and a branch on them shows
// what the order of messages shows.
Decrypt __real_crypto_aead_xchacha20poly1305_ietf_decrypt;
int __wrap_crypto_aead_xchacha20poly1305_ietf_decrypt(unsigned char* m, unsigned long long* mlen, unsigned char* nsec,
                                                      const unsigned char* c, unsigned long long clen,
                                                      const unsigned char* ad, unsigned long long adlen,
                                                      const unsigned char* npub, const unsigned char* k) {
    VALGRIND_DISABLE_ERROR_REPORTING;
    const int done = __real_crypto_aead_xchacha20poly1305_ietf_decrypt(m, mlen, nsec, c, clen, ad, adlen, npub, k);
    VALGRIND_ENABLE_ERROR_REPORTING;
    mark_public(m, clen - 16);
    return public_verdict(done);
}

int __real_sodium_memcmp(const void* a, const void* b, std::size_t size);
int __wrap_sodium_memcmp(const void* a, const void* b, std::size_t size) {
    return public_verdict(__real_sodium_memcmp(a, b, size));  // equal or not: what differs stays hidden
}

}  // extern "C"
// NOLINTEND(bugprone-reserved-identifier)
