#define OPENSSL_API_COMPAT 0x10100000L  // SHA256_*() and SHA512_*(): EVP's contexts cost more than a block

#include "bench/peers/signal_provider.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <sodium.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <new>

namespace sotto::bench {
namespace {

// RFC 2104.
class HmacSha256 {
  public:
    HmacSha256(const std::uint8_t* key, std::size_t size) {
        std::array<std::uint8_t, SHA256_CBLOCK> block{};
        if (size > block.size()) {
            SHA256(key, size, block.data());
        } else {
            std::copy_n(key, size, block.begin());
        }
        for (std::uint8_t& byte : block) byte ^= 0x36;
        SHA256_Init(&inner_);
        SHA256_Update(&inner_, block.data(), block.size());
        for (std::uint8_t& byte : block) byte ^= 0x36 ^ 0x5c;
        SHA256_Init(&outer_);
        SHA256_Update(&outer_, block.data(), block.size());
    }
    void update(const std::uint8_t* data, std::size_t size) { SHA256_Update(&inner_, data, size); }
    std::array<std::uint8_t, SHA256_DIGEST_LENGTH> finish() {
        std::array<std::uint8_t, SHA256_DIGEST_LENGTH> digest;
        SHA256_Final(digest.data(), &inner_);
        SHA256_Update(&outer_, digest.data(), digest.size());
        SHA256_Final(digest.data(), &outer_);
        return digest;
    }

  private:
    SHA256_CTX inner_, outer_;
};

int give(signal_buffer** output, const std::uint8_t* data, std::size_t size) {
    *output = signal_buffer_create(data, size);
    return *output != nullptr ? SG_SUCCESS : SG_ERR_NOMEM;
}

int fill_random(std::uint8_t* data, std::size_t size, void*) {
    randombytes_buf(data, size);
    return SG_SUCCESS;
}

int hmac_init(void** context, const std::uint8_t* key, std::size_t size, void*) {
    *context = new (std::nothrow) HmacSha256(key, size);
    return *context != nullptr ? SG_SUCCESS : SG_ERR_NOMEM;
}
int hmac_update(void* context, const std::uint8_t* data, std::size_t size, void*) {
    static_cast<HmacSha256*>(context)->update(data, size);
    return SG_SUCCESS;
}
int hmac_final(void* context, signal_buffer** output, void*) {
    const auto digest = static_cast<HmacSha256*>(context)->finish();
    return give(output, digest.data(), digest.size());
}
void hmac_cleanup(void* context, void*) { delete static_cast<HmacSha256*>(context); }

int sha512_init(void** context, void*) {
    auto* const state = new (std::nothrow) SHA512_CTX;
    *context = state;
    if (state == nullptr) return SG_ERR_NOMEM;
    SHA512_Init(state);
    return SG_SUCCESS;
}
int sha512_update(void* context, const std::uint8_t* data, std::size_t size, void*) {
    SHA512_Update(static_cast<SHA512_CTX*>(context), data, size);
    return SG_SUCCESS;
}
int sha512_final(void* context, signal_buffer** output, void*) {
    std::array<std::uint8_t, SHA512_DIGEST_LENGTH> digest;
    SHA512_Final(digest.data(), static_cast<SHA512_CTX*>(context));
    SHA512_Init(static_cast<SHA512_CTX*>(context));
    return give(output, digest.data(), digest.size());
}
void sha512_cleanup(void* context, void*) { delete static_cast<SHA512_CTX*>(context); }

// Version 3 of the protocol, the only one that is spoken here, needs AES-256-CBC alone.
int aes_cbc(bool encrypt, signal_buffer** output, int cipher, const std::uint8_t* key, std::size_t key_size,
            const std::uint8_t* iv, std::size_t iv_size, const std::uint8_t* input, std::size_t size) {
    if (cipher != SG_CIPHER_AES_CBC_PKCS5 || key_size != 32 || iv_size != 16) return SG_ERR_INVAL;
    static EVP_CIPHER_CTX* const context = EVP_CIPHER_CTX_new();
    static EVP_CIPHER* const aes = EVP_CIPHER_fetch(nullptr, "AES-256-CBC", nullptr);
    signal_buffer* const buffer = signal_buffer_alloc(size + 16);
    if (buffer == nullptr) return SG_ERR_NOMEM;
    std::uint8_t* const out = signal_buffer_data(buffer);
    int written = 0, rest = 0;
    const bool done = EVP_CipherInit_ex2(context, aes, key, iv, encrypt ? 1 : 0, nullptr) == 1 &&
                      EVP_CipherUpdate(context, out, &written, input, static_cast<int>(size)) == 1 &&
                      EVP_CipherFinal_ex(context, out + written, &rest) == 1;
    *output = done ? signal_buffer_n_copy(buffer, static_cast<std::size_t>(written + rest)) : nullptr;
    signal_buffer_free(buffer);
    return *output != nullptr ? SG_SUCCESS : SG_ERR_UNKNOWN;
}
int encrypt(signal_buffer** output, int cipher, const std::uint8_t* key, std::size_t key_size, const std::uint8_t* iv,
            std::size_t iv_size, const std::uint8_t* plaintext, std::size_t size, void*) {
    return aes_cbc(true, output, cipher, key, key_size, iv, iv_size, plaintext, size);
}
int decrypt(signal_buffer** output, int cipher, const std::uint8_t* key, std::size_t key_size, const std::uint8_t* iv,
            std::size_t iv_size, const std::uint8_t* ciphertext, std::size_t size, void*) {
    return aes_cbc(false, output, cipher, key, key_size, iv, iv_size, ciphertext, size);
}

}  // namespace

signal_crypto_provider openssl_provider() {
    return {.random_func = fill_random,
            .hmac_sha256_init_func = hmac_init,
            .hmac_sha256_update_func = hmac_update,
            .hmac_sha256_final_func = hmac_final,
            .hmac_sha256_cleanup_func = hmac_cleanup,
            .sha512_digest_init_func = sha512_init,
            .sha512_digest_update_func = sha512_update,
            .sha512_digest_final_func = sha512_final,
            .sha512_digest_cleanup_func = sha512_cleanup,
            .encrypt_func = encrypt,
            .decrypt_func = decrypt,
            .user_data = nullptr};
}

}  // namespace sotto::bench
