// AES-256-GCM against the edge cases that Project Wycheproof collects. SRTP derives its keys and nonces itself, so the
// cases enter one layer down: at the cipher that libsrtp hands to each stream of ours (RFC 7714 §13).
#include "support/wycheproof.h"

#include <srtp2/cipher.h>
#include <srtp2/srtp.h>

#include <memory>

#include "transport/srtp.h"

using namespace sotto;
using namespace sotto::test;

// What srtp_create() calls; libsrtp exports it, and declares it in none of its installed headers.
extern "C" srtp_err_status_t srtp_crypto_kernel_alloc_cipher(srtp_cipher_type_id_t id, srtp_cipher_t** cipher,
                                                             int key_length, int tag_length);

namespace {

constexpr std::size_t key_size = 32, nonce_size = 12, tag_size = 16;

using Cipher = std::unique_ptr<srtp_cipher_t, decltype(&srtp_cipher_dealloc)>;

std::uint8_t* raw(Buffer& bytes) { return reinterpret_cast<std::uint8_t*>(bytes.data()); }

// Keyed, with nonce and associated data, as srtp_protect() and srtp_unprotect() do it.
Cipher prepare(const Json& test, srtp_cipher_direction_t direction) {
    srtp_cipher_t* made = nullptr;
    REQUIRE(srtp_crypto_kernel_alloc_cipher(SRTP_AES_GCM_256, &made, SRTP_AES_GCM_256_KEY_LEN_WSALT, tag_size) ==
            srtp_err_status_ok);
    Cipher cipher(made, srtp_cipher_dealloc);
    Buffer key = hex_field(test, "key");
    Buffer nonce = hex_field(test, "iv");
    Buffer associated = hex_field(test, "aad");
    key.resize(SRTP_AES_GCM_256_KEY_LEN_WSALT);  // the salt is no part of the cipher's key
    REQUIRE(srtp_cipher_init(made, raw(key)) == srtp_err_status_ok);
    REQUIRE(srtp_cipher_set_iv(made, raw(nonce), direction) == srtp_err_status_ok);
    REQUIRE(srtp_cipher_set_aad(made, raw(associated), static_cast<std::uint32_t>(associated.size())) ==
            srtp_err_status_ok);
    return cipher;
}

Buffer seal(const Json& test, Bytes plaintext) {
    const Cipher cipher = prepare(test, srtp_direction_encrypt);
    Buffer sealed = to_buffer(plaintext);
    sealed.resize(plaintext.size() + tag_size);
    auto size = static_cast<std::uint32_t>(plaintext.size());
    REQUIRE(srtp_cipher_encrypt(cipher.get(), raw(sealed), &size) == srtp_err_status_ok);
    REQUIRE(size == plaintext.size());
    std::uint32_t tag = 0;
    REQUIRE(srtp_cipher_get_tag(cipher.get(), raw(sealed) + size, &tag) == srtp_err_status_ok);
    REQUIRE(tag == tag_size);
    return sealed;
}

std::optional<Buffer> open(const Json& test, Buffer sealed) {
    const Cipher cipher = prepare(test, srtp_direction_decrypt);
    auto size = static_cast<std::uint32_t>(sealed.size());
    if (srtp_cipher_decrypt(cipher.get(), raw(sealed), &size) != srtp_err_status_ok) return std::nullopt;
    sealed.resize(size);
    return sealed;
}

}  // namespace

TEST_CASE("AES-256-GCM under our SRTP gives Wycheproof's bytes and refuses its modified tags") {
    // Makes libsrtp ready as the library does: its srtp_init() must not run twice in a process.
    REQUIRE(transport::SrtpSender::create(SrtpKey<Sending>{}, Ssrc{1}));
    for_each_case("aes_gcm_test.json", [](const Json&, const Json& test, const std::string& result) {
        if (hex_field(test, "key").size() != key_size || hex_field(test, "iv").size() != nonce_size) {
            return Ran::no_concern;
        }
        const Buffer plaintext = hex_field(test, "msg");
        Buffer listed = hex_field(test, "ct");
        const Buffer tag = hex_field(test, "tag");
        listed.insert(listed.end(), tag.begin(), tag.end());
        CHECK((seal(test, plaintext) == listed) == (result == "valid"));
        const auto opened = open(test, listed);
        CHECK(opened.has_value() == (result == "valid"));
        if (opened) CHECK(*opened == plaintext);
        return Ran::yes;
    });
}
