#include "bench/bare_ratchet.h"

#include "bench/measure.h"

namespace sotto::bench {
namespace {

constexpr std::size_t ad = 64, version_and_type = 2, initial_header = 1260;
constexpr std::size_t kem_public = 1184, kem_ciphertext = 1088;
constexpr std::size_t header = 40, initial_inner = header + kem_public, step_inner = initial_inner + kem_ciphertext;
constexpr std::size_t header_overhead = 24 + 16;  // nonce and tag
constexpr std::size_t root_secrets = 32 * 4;      // dh, ss, s, r
constexpr std::size_t pqxdh_secrets = 32 * 6;     // F, DH1 to DH4, SS
constexpr std::size_t certified = 15 + 33, signed_prekey = 22 + 4 + 33, signed_kem_prekey = 19 + 4 + 1185;
constexpr std::size_t bound_keys = 4 * 33 + 1185;  // what AD is the hash of

}  // namespace

BareRatchet::BareRatchet() {
    crypto_scalarmult_base(theirs_.data(), random_bytes<32>().data());
    crypto_sign_keypair(signer_.data(), signing_.data());
    crypto_kem_mlkem768_keypair(kem_public_.data(), kem_secret_.data());
    for (const std::size_t size : {certified, signed_prekey, signed_kem_prekey}) {
        Signed& made = signed_.emplace_back(Signed{.size = size});
        crypto_sign_detached(made.signature.data(), nullptr, associated_.data(), size, signing_.data());
    }
}

void BareRatchet::message(Bytes plaintext) {
    constexpr std::size_t before_body = ad + version_and_type + header + header_overhead;
    kdf_chain();
    seal_header(header, ad + version_and_type);
    seal_body(plaintext, before_body);
    open_header(header, ad + version_and_type, true);
    kdf_chain();
    open_body(plaintext.size(), before_body);
}

void BareRatchet::step(Bytes plaintext) {
    constexpr std::size_t before_body = ad + version_and_type + step_inner + header_overhead;
    make_key_pair();
    agree();
    step_kem();
    kdf_root(root_secrets + kem_ciphertext);
    kdf_chain();
    seal_header(step_inner, ad + version_and_type);
    seal_body(plaintext, before_body);

    open_header(step_inner, ad + version_and_type, false);
    open_header(step_inner, ad + version_and_type, true);
    agree();
    kdf_root(root_secrets + kem_ciphertext);
    kdf_chain();
    open_body(plaintext.size(), before_body);
}

void BareRatchet::step_kem() {
    crypto_kem_mlkem768_keypair(kem_public_.data(), kem_secret_.data());
    require(crypto_kem_mlkem768_enc(ciphertext_.data(), kem_shared_.data(), kem_public_.data()) == 0,
            "libsodium refused");
    require(crypto_kem_mlkem768_dec(kem_shared_.data(), ciphertext_.data(), kem_secret_.data()) == 0,
            "libsodium refused");
}

void BareRatchet::dial(Bytes plaintext) {
    for (const auto& [size, signature] : signed_) {
        require(crypto_sign_verify_detached(signature.data(), associated_.data(), size, signer_.data()) == 0,
                "libsodium refused");
    }
    require(crypto_core_ed25519_is_valid_point(signer_.data()) == 1, "libsodium refused");  // the identity
    require(crypto_sign_ed25519_pk_to_curve25519(point_.data(), signer_.data()) == 0, "libsodium refused");

    make_key_pair();                      // EK_A
    for (int i = 0; i < 4; ++i) agree();  // DH1 to DH4
    require(crypto_kem_mlkem768_enc(ciphertext_.data(), kem_shared_.data(), kem_public_.data()) == 0,
            "libsodium refused");
    kdf_root(pqxdh_secrets);  // the same calls as KDF_RK
    crypto_hash_sha512(prk_.data(), associated_.data(), bound_keys);

    make_key_pair();  // A0
    crypto_kem_mlkem768_keypair(kem_public_.data(), kem_secret_.data());
    agree();
    kdf_root(root_secrets - 32);  // no ss
    kdf_chain();
    seal_header(initial_inner, ad + version_and_type + initial_header);
    seal_body(plaintext, ad + version_and_type + initial_header + initial_inner + header_overhead);
}

void BareRatchet::agree() {
    require(crypto_scalarmult(shared_.data(), scalar_.data(), theirs_.data()) == 0, "libsodium refused");
}

void BareRatchet::make_key_pair() {
    randombytes_buf(scalar_.data(), scalar_.size());
    crypto_scalarmult_base(point_.data(), scalar_.data());
}

void BareRatchet::kdf_root(std::size_t key_material) {
    crypto_kdf_hkdf_sha512_extract(prk_.data(), derived_.data(), 32, associated_.data(), key_material);
    crypto_kdf_hkdf_sha512_expand(derived_.data(), derived_.size(), "Sotto_v1_ratchet_root", 21, prk_.data());
}

void BareRatchet::kdf_chain() {
    constexpr std::array<unsigned char, crypto_stream_chacha20_ietf_NONCEBYTES> nonce{};  // a label on the page
    crypto_stream_chacha20_ietf(chain_.data(), chain_.size(), nonce.data(), derived_.data() + 32);
}

void BareRatchet::seal_header(std::size_t size, std::size_t before) {
    header_.resize(size);
    sealed_header_.resize(size + crypto_aead_xchacha20poly1305_ietf_ABYTES);
    randombytes_buf(nonce_.data(), nonce_.size());
    crypto_aead_xchacha20poly1305_ietf_encrypt(sealed_header_.data(), nullptr, header_.data(), size, associated_.data(),
                                               before, nullptr, nonce_.data(), header_key_.data());
}

void BareRatchet::open_header(std::size_t size, std::size_t before, bool ours) {
    const int result = crypto_aead_xchacha20poly1305_ietf_decrypt(
        header_.data(), nullptr, nullptr, sealed_header_.data(), size + crypto_aead_xchacha20poly1305_ietf_ABYTES,
        associated_.data(), before, nonce_.data(), ours ? header_key_.data() : other_key_.data());
    require((result == 0) == ours, "libsodium took the wrong key");
}

void BareRatchet::seal_body(Bytes plaintext, std::size_t before) {
    constexpr std::array<unsigned char, crypto_aead_chacha20poly1305_ietf_NPUBBYTES> zeros{};
    body_.resize(plaintext.size() + crypto_aead_chacha20poly1305_ietf_ABYTES);
    std::copy_n(chain_.begin() + 32, body_key_.size(), body_key_.begin());
    crypto_aead_chacha20poly1305_ietf_encrypt(
        body_.data(), nullptr, reinterpret_cast<const unsigned char*>(plaintext.data()), plaintext.size(),
        associated_.data(), before, nullptr, zeros.data(), body_key_.data());
}

void BareRatchet::open_body(std::size_t size, std::size_t before) {
    constexpr std::array<unsigned char, crypto_aead_chacha20poly1305_ietf_NPUBBYTES> zeros{};
    opened_.resize(size);
    require(crypto_aead_chacha20poly1305_ietf_decrypt(opened_.data(), nullptr, nullptr, body_.data(), body_.size(),
                                                      associated_.data(), before, zeros.data(), body_key_.data()) == 0,
            "libsodium refused");
}

}  // namespace sotto::bench
