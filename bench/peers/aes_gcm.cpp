#include "bench/peers/aes_gcm.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <array>
#include <cstring>

#include "bench/measure.h"
#include "transport/rtp.h"

namespace sotto::bench {
namespace {

using transport::rtp_header_size;
using Nonce = std::array<unsigned char, 12>;

struct Free {
    void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
    void operator()(EVP_CIPHER* cipher) const { EVP_CIPHER_free(cipher); }
};
using Context = std::unique_ptr<EVP_CIPHER_CTX, Free>;

Nonce nonce_of(std::uint64_t number) {
    Nonce nonce{};
    std::memcpy(nonce.data() + 4, &number, sizeof(number));
    return nonce;
}

unsigned char* raw(MutableBytes bytes) { return reinterpret_cast<unsigned char*>(bytes.data()); }

}  // namespace

// The key schedule is kept: a packet changes the nonce alone, the quickest that OpenSSL offers.
struct BareAes::State {
    Context sealing, opening;
};

BareAes::BareAes(std::span<const std::byte, 32> key) : state_(std::make_unique<State>()) {
    const std::unique_ptr<EVP_CIPHER, Free> cipher(EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr));
    require(cipher != nullptr, "OpenSSL has no AES-256-GCM");
    const auto* const bytes = reinterpret_cast<const unsigned char*>(key.data());
    state_->sealing.reset(EVP_CIPHER_CTX_new());
    state_->opening.reset(EVP_CIPHER_CTX_new());
    require(EVP_EncryptInit_ex2(state_->sealing.get(), cipher.get(), bytes, nullptr, nullptr) == 1 &&
                EVP_DecryptInit_ex2(state_->opening.get(), cipher.get(), bytes, nullptr, nullptr) == 1,
            "OpenSSL takes no key");
}
BareAes::BareAes(BareAes&&) noexcept = default;
BareAes::~BareAes() = default;

void BareAes::seal(MutableBytes packet, std::uint64_t number) {
    EVP_CIPHER_CTX* const context = state_->sealing.get();
    const Nonce nonce = nonce_of(number);
    const MutableBytes body = packet.subspan(rtp_header_size, packet.size() - rtp_header_size - tag_size);
    int size = 0;
    const bool sealed =
        EVP_EncryptInit_ex2(context, nullptr, nullptr, nonce.data(), nullptr) == 1 &&
        EVP_EncryptUpdate(context, nullptr, &size, raw(packet), static_cast<int>(rtp_header_size)) == 1 &&
        EVP_EncryptUpdate(context, raw(body), &size, raw(body), static_cast<int>(body.size())) == 1 &&
        EVP_EncryptFinal_ex(context, raw(body.last(0)), &size) == 1 &&
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, tag_size, raw(packet.last(tag_size))) == 1;
    require(sealed, "OpenSSL does not seal");
}

bool BareAes::open(MutableBytes packet, std::uint64_t number) {
    EVP_CIPHER_CTX* const context = state_->opening.get();
    const Nonce nonce = nonce_of(number);
    const MutableBytes body = packet.subspan(rtp_header_size, packet.size() - rtp_header_size - tag_size);
    int size = 0;
    return EVP_DecryptInit_ex2(context, nullptr, nullptr, nonce.data(), nullptr) == 1 &&
           EVP_DecryptUpdate(context, nullptr, &size, raw(packet), static_cast<int>(rtp_header_size)) == 1 &&
           EVP_DecryptUpdate(context, raw(body), &size, raw(body), static_cast<int>(body.size())) == 1 &&
           EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, tag_size, raw(packet.last(tag_size))) == 1 &&
           EVP_DecryptFinal_ex(context, raw(body.last(0)), &size) == 1;
}

std::string aes_version() { return OpenSSL_version(OPENSSL_VERSION_STRING); }

}  // namespace sotto::bench
