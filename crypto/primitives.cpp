#include "crypto/primitives.h"

#include <sodium.h>

#include <cstdlib>

#include "crypto/labels.h"
#include "crypto/raw.h"

namespace sotto::crypto {
namespace {

constexpr std::array<unsigned char, crypto_aead_chacha20poly1305_IETF_NPUBBYTES> zero_nonce{};

class SystemRandom final : public Random {
  public:
    void fill(MutableBytes out) override { randombytes_buf(out.data(), out.size()); }
};

// FIPS 203 §7.3, "hash check": a decapsulation key names the hash of the encapsulation key inside it.
bool names_own_hash(const KemPrivate& key) {
    constexpr std::size_t inner = 1152;  // dk_PKE stands first
    const auto bytes = key.reveal();
    std::array<std::byte, crypto_hash_sha3256_BYTES> hash;
    crypto_hash_sha3256(raw(hash.data()), raw(bytes.data()) + inner, sizeof(KemPublic::bytes));
    return sodium_memcmp(hash.data(), bytes.data() + inner + sizeof(KemPublic::bytes), hash.size()) == 0;
}

}  // namespace

void wipe_dead_stack() {
    constexpr std::size_t deep_enough = 16384;  // for the ciphers and the ratchet
    sodium_stackzero(deep_enough);
}

void prepare_primitives() {
    static const bool ready = sodium_init() >= 0;
    if (!ready) std::abort();  // no entropy source: nothing secret may be made
}

X25519Public public_of(const X25519Private& secret) {
    X25519Public shared;
    crypto_scalarmult_base(raw(shared.bytes.data()), raw(secret.reveal().data()));
    return shared;
}

X25519KeyPair generate_x25519(Random& random) {
    X25519KeyPair pair;
    random.fill(pair.secret.fill());
    pair.shared = public_of(pair.secret);
    return pair;
}

Result<DhSecret> agree(const X25519Private& ours, const X25519Public& theirs) {
    DhSecret secret;
    if (crypto_scalarmult(raw(secret.fill().data()), raw(ours.reveal().data()), raw(theirs.bytes.data())) != 0) {
        return Failure(Error::bad_key);
    }
    return secret;
}

KemKeyPair generate_kem(Random& random) {
    KemSeed seed;
    random.fill(seed.fill());
    return kem_pair_of(seed);
}

KemKeyPair kem_pair_of(const KemSeed& seed) {
    static_assert(KemSeed::size == crypto_kem_mlkem768_SEEDBYTES);
    KemKeyPair pair;
    crypto_kem_mlkem768_seed_keypair(raw(pair.shared.bytes.data()), raw(pair.secret.fill().data()),
                                     raw(seed.reveal().data()));
    return pair;
}

// Every 12-bit coefficient is below q = 3329.
bool is_valid(const KemPublic& key) {
    constexpr std::size_t encoded = 1152;  // 3 polynomials of 256 coefficients, 12 bits each
    for (std::size_t i = 0; i < encoded; i += 3) {
        const auto b0 = std::to_integer<unsigned>(key.bytes[i]);
        const auto b1 = std::to_integer<unsigned>(key.bytes[i + 1]);
        const auto b2 = std::to_integer<unsigned>(key.bytes[i + 2]);
        if ((b0 | (b1 & 0x0f) << 8) >= 3329 || (b1 >> 4 | b2 << 4) >= 3329) return false;
    }
    return true;
}

Result<Encapsulated> encapsulate(const KemPublic& theirs, Random& random) {
    if (!is_valid(theirs)) return Failure(Error::bad_key);
    Secret<struct EncapsulationSeedRole, 32> seed;
    random.fill(seed.fill());
    Encapsulated result;
    if (crypto_kem_mlkem768_enc_deterministic(raw(result.ciphertext.bytes.data()), raw(result.secret.fill().data()),
                                              raw(theirs.bytes.data()), raw(seed.reveal().data())) != 0) {
        return Failure(Error::bad_key);
    }
    return result;
}

Result<KemSecret> decapsulate(const KemPrivate& ours, const KemCiphertext& ciphertext) {
    if (!names_own_hash(ours)) return Failure(Error::bad_key);
    KemSecret secret;
    if (crypto_kem_mlkem768_dec(raw(secret.fill().data()), raw(ciphertext.bytes.data()), raw(ours.reveal().data())) !=
        0) {
        return Failure(Error::bad_key);
    }
    return secret;
}

void hmac_sha512(Bytes key, Bytes message, std::span<std::byte, 64> out) {
    crypto_auth_hmacsha512_state state;
    crypto_auth_hmacsha512_init(&state, raw(key.data()), key.size());
    crypto_auth_hmacsha512_update(&state, raw(message.data()), message.size());
    crypto_auth_hmacsha512_final(&state, raw(out.data()));
    wipe(&state, sizeof(state));
}

Prk hkdf_extract(Bytes salt, std::initializer_list<Bytes> ikm) {
    constexpr std::array<std::byte, 64> zeros{};
    if (salt.empty()) salt = zeros;
    crypto_kdf_hkdf_sha512_state state;
    crypto_kdf_hkdf_sha512_extract_init(&state, raw(salt.data()), salt.size());
    for (const Bytes part : ikm) {
        // An empty part has no address, which libsodium's copy must not be given.
        if (!part.empty()) crypto_kdf_hkdf_sha512_extract_update(&state, raw(part.data()), part.size());
    }
    Prk prk;
    crypto_kdf_hkdf_sha512_extract_final(&state, raw(prk.fill().data()));
    wipe(&state, sizeof(state));
    return prk;
}

void hkdf_expand(std::span<const std::byte, 64> prk, Bytes info, HkdfOutput out) {
    crypto_kdf_hkdf_sha512_expand(raw(out.bytes.data()), out.bytes.size(), reinterpret_cast<const char*>(info.data()),
                                  info.size(), raw(prk.data()));
}

void expand_chain(const ChainKey& chain, std::span<std::byte, 96> out) {
    static_assert(labels::chain.size() == crypto_stream_chacha20_ietf_NONCEBYTES);
    crypto_stream_chacha20_ietf(raw(out.data()), out.size(), raw(as_bytes(labels::chain).data()),
                                raw(chain.reveal().data()));
}

void seal_once(MessageKey&& key, Bytes plaintext, Bytes associated, MutableBytes out) {
    const MessageKey consumed = std::move(key);
    crypto_aead_chacha20poly1305_ietf_encrypt(raw(out.data()), nullptr, raw(plaintext.data()), plaintext.size(),
                                              raw(associated.data()), associated.size(), nullptr, zero_nonce.data(),
                                              raw(consumed.reveal().data()));
}

Result<void> open_once(MessageKey&& key, Bytes sealed, Bytes associated, MutableBytes out) {
    const MessageKey consumed = std::move(key);
    if (sealed.size() < aead_overhead || out.size() != sealed.size() - aead_overhead) return Failure(Error::truncated);
    if (crypto_aead_chacha20poly1305_ietf_decrypt(raw(out.data()), nullptr, nullptr, raw(sealed.data()), sealed.size(),
                                                  raw(associated.data()), associated.size(), zero_nonce.data(),
                                                  raw(consumed.reveal().data())) != 0) {
        return Failure(Error::forged);
    }
    return {};
}

void xaead_seal(std::span<const std::byte, 32> key, Bytes plaintext, Bytes associated, Random& random,
                MutableBytes out) {
    const MutableBytes nonce = out.first(xaead_nonce_size);
    random.fill(nonce);
    crypto_aead_xchacha20poly1305_ietf_encrypt(raw(out.data()) + nonce.size(), nullptr, raw(plaintext.data()),
                                               plaintext.size(), raw(associated.data()), associated.size(), nullptr,
                                               raw(nonce.data()), raw(key.data()));
}

Result<void> xaead_open(std::span<const std::byte, 32> key, Bytes sealed, Bytes associated, MutableBytes out) {
    if (sealed.size() < xaead_overhead || out.size() != sealed.size() - xaead_overhead) {
        return Failure(Error::truncated);
    }
    const Bytes ciphertext = sealed.subspan(xaead_nonce_size);
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(raw(out.data()), nullptr, nullptr, raw(ciphertext.data()),
                                                   ciphertext.size(), raw(associated.data()), associated.size(),
                                                   raw(sealed.data()), raw(key.data())) != 0) {
        return Failure(Error::forged);
    }
    return {};
}

std::array<std::byte, 64> sha512(std::initializer_list<Bytes> parts) {
    crypto_hash_sha512_state state;
    crypto_hash_sha512_init(&state);
    for (const Bytes part : parts) crypto_hash_sha512_update(&state, raw(part.data()), part.size());
    std::array<std::byte, 64> digest;
    crypto_hash_sha512_final(&state, raw(digest.data()));
    return digest;
}

}  // namespace sotto::crypto

namespace sotto {

Random& system_random() {
    crypto::prepare_primitives();
    static crypto::SystemRandom random;
    return random;
}

}  // namespace sotto
