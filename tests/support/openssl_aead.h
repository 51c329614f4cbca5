// OpenSSL's AEADs (RFC 5116) with 12-byte nonces and 16-byte tags: an implementation independent of ours.
#pragma once

#include <openssl/evp.h>

#include <memory>
#include <stdexcept>

#include "sotto/bytes.h"

namespace sotto::test {

inline constexpr std::size_t aead_tag = 16;

// Ciphertext and tag.
inline Buffer openssl_seal(const EVP_CIPHER* cipher, Bytes key, Bytes nonce, Bytes associated, Bytes plaintext) {
    const auto raw = [](Bytes bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); };
    const auto require = [](bool done) {
        if (!done) throw std::runtime_error("OpenSSL refused");
    };
    require(EVP_CIPHER_get_key_length(cipher) == static_cast<int>(key.size()) && nonce.size() == 12);
    const std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)> context(EVP_CIPHER_CTX_new(),
                                                                                  EVP_CIPHER_CTX_free);
    Buffer sealed(plaintext.size() + aead_tag);
    auto* const out = reinterpret_cast<unsigned char*>(sealed.data());
    int size = 0;
    require(EVP_EncryptInit_ex(context.get(), cipher, nullptr, raw(key), raw(nonce)) == 1);
    if (!associated.empty()) {
        const int length = static_cast<int>(associated.size());
        require(EVP_EncryptUpdate(context.get(), nullptr, &size, raw(associated), length) == 1);
    }
    if (!plaintext.empty()) {
        const int length = static_cast<int>(plaintext.size());
        require(EVP_EncryptUpdate(context.get(), out, &size, raw(plaintext), length) == 1 && size == length);
    }
    require(EVP_EncryptFinal_ex(context.get(), out + plaintext.size(), &size) == 1 && size == 0);
    require(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, aead_tag, out + plaintext.size()) == 1);
    return sealed;
}

}  // namespace sotto::test
