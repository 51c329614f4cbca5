// The primitives, through our own wrappers, against the edge cases that Project Wycheproof collects.
#include "support/wycheproof.h"

#include <map>

#include "crypto/identity.h"
#include "crypto/primitives.h"
#include "support/openssl_aead.h"
#include "support/random.h"

using namespace sotto;
using namespace sotto::crypto;
using namespace sotto::test;

namespace {

// HKDF's output length is part of a type of ours: the lengths in Wycheproof's file that RFC 5869 §2.3 allows.
template <std::size_t... Lengths>
Buffer expand(const Prk& prk, Bytes info, std::size_t length, std::index_sequence<Lengths...>) {
    Buffer out(length);
    const auto expand_if = [&]<std::size_t N>(std::integral_constant<std::size_t, N>) {
        if (length == N) hkdf_expand(prk.reveal(), info, MutableBytes(out).first<N>());
        return length == N;
    };
    REQUIRE((expand_if(std::integral_constant<std::size_t, Lengths>()) || ...));
    return out;
}

template <std::size_t N>
concept Expandable = requires(const Prk& prk, std::span<std::byte, N> out) { hkdf_expand(prk.reveal(), {}, out); };

Buffer joined(Bytes first, Bytes second) {
    Buffer both = to_buffer(first);
    both.insert(both.end(), second.begin(), second.end());
    return both;
}

bool equal(Bytes a, Bytes b) { return std::ranges::equal(a, b); }

}  // namespace

TEST_CASE("X25519 agrees with Wycheproof: twist and non-canonical points work, an all-zero result is refused") {
    for_each_case("x25519_test.json", [](const Json&, const Json& test, const std::string& result) {
        const auto ours = secret_field<X25519Private>(test, "private");
        const auto theirs = public_field<X25519Public>(test, "public");
        if (!ours || !theirs) return Ran::inexpressible;
        const auto agreed = agree(*ours, *theirs);
        if (flagged(test, "ZeroSharedSecret")) {
            CHECK(agreed.error() == Error::bad_key);  // RFC 7748 §6.1
        } else {
            // "acceptable" is what RFC 7748 §5 says implementations MUST accept.
            CHECK(result != "invalid");
            REQUIRE(agreed);
            CHECK(equal(agreed->reveal(), hex_field(test, "shared")));
        }
        return Ran::yes;
    });
}

TEST_CASE("Ed25519 signatures verify or are refused as Wycheproof says, malleable ones too") {
    for_each_case("ed25519_test.json", [](const Json& group, const Json& test, const std::string& result) {
        const auto signer = fitted<PublicIdentity>(
            group.at("publicKey"), "pk", [](PublicIdentity& identity) -> MutableBytes { return identity.key; });
        const auto signature = fitted<Signature>(test, "sig", [](Signature& bytes) -> MutableBytes { return bytes; });
        if (!signer || !signature) return Ran::inexpressible;
        const auto verified = verify(*signer, hex_field(test, "msg"), *signature);
        CHECK(verified.has_value() == (result == "valid"));
        return Ran::yes;
    });
}

TEST_CASE("HMAC-SHA-512 gives Wycheproof's tags, and no other") {
    for_each_case("hmac_sha512_test.json", [](const Json&, const Json& test, const std::string& result) {
        std::array<std::byte, 64> tag{};
        hmac_sha512(hex_field(test, "key"), hex_field(test, "msg"), tag);
        const Buffer listed = hex_field(test, "tag");  // whole, or its first half
        CHECK(equal(Bytes(tag).first(listed.size()), listed) == (result == "valid"));
        return Ran::yes;
    });
}

TEST_CASE("HKDF-SHA-512 gives Wycheproof's keys, and a length beyond RFC 5869's limit does not compile") {
    static_assert(Expandable<hkdf_max> && !Expandable<hkdf_max + 1> && !Expandable<std::dynamic_extent>);
    for_each_case("hkdf_sha512_test.json", [](const Json&, const Json& test, const std::string& result) {
        const std::size_t length = test.at("size");
        if (length > hkdf_max) return Ran::inexpressible;
        CHECK(result == "valid");
        const Buffer ikm = hex_field(test, "ikm");
        const std::size_t middle = ikm.size() / 2;  // parts are joined
        const Prk prk = hkdf_extract(hex_field(test, "salt"), {Bytes(ikm).first(middle), Bytes(ikm).subspan(middle)});
        const auto lengths = std::index_sequence<20, 32, 42, 64, 80, 120, 256, hkdf_max>();
        CHECK(equal(expand(prk, hex_field(test, "info"), length, lengths), hex_field(test, "okm")));
        return Ran::yes;
    });
}

// Our nonce is always zero and Wycheproof's never is. So OpenSSL first shows that it gives the listed bytes under the
// listed nonce, and then says what the same case is under ours.
TEST_CASE(
    "ChaCha20-Poly1305 seals as an implementation that passes Wycheproof does, and refuses its modified "
    "tags") {
    for_each_case("chacha20_poly1305_test.json", [](const Json&, const Json& test, const std::string& result) {
        const Buffer nonce = hex_field(test, "iv");
        if (nonce.size() != 12) return Ran::inexpressible;
        auto key = secret_field<MessageKey>(test, "key");
        REQUIRE(key);
        const Buffer associated = hex_field(test, "aad");
        const Buffer plaintext = hex_field(test, "msg");
        const Buffer listed = joined(hex_field(test, "ct"), hex_field(test, "tag"));
        const Buffer right = openssl_seal(EVP_chacha20_poly1305(), key->reveal(), nonce, associated, plaintext);
        CHECK(equal(listed, right) == (result == "valid"));

        Buffer sealed(plaintext.size() + aead_overhead);
        seal_once(key->duplicate(), plaintext, associated, sealed);
        const std::array<std::byte, 12> zero{};
        CHECK(equal(sealed, openssl_seal(EVP_chacha20_poly1305(), key->reveal(), zero, associated, plaintext)));

        Buffer opened(plaintext.size());
        CHECK(open_once(key->duplicate(), listed, associated, opened).error() == Error::forged);  // another nonce
        // The change that made the listed tag invalid, made to ours; none in a valid case.
        REQUIRE(listed.size() == sealed.size());
        for (std::size_t i = 0; i < sealed.size(); ++i) sealed[i] ^= listed[i] ^ right[i];
        const auto done = open_once(std::move(*key), sealed, associated, opened);
        CHECK(done.has_value() == (result == "valid"));
        if (done) CHECK(equal(opened, plaintext));
        return Ran::yes;
    });
}

TEST_CASE("ML-KEM-768 keys grow from Wycheproof's seeds to its bytes") {
    for_each_case("mlkem_768_keygen_seed_test.json", [](const Json&, const Json& test, const std::string& result) {
        const Buffer seed = hex_field(test, "seed");
        CHECK(result == "valid");
        GivenRandom random(seed);
        const KemKeyPair pair = generate_kem(random);
        CHECK(random.spent());
        CHECK(equal(pair.shared.bytes, hex_field(test, "ek")));
        CHECK(equal(pair.secret.reveal(), hex_field(test, "dk")));
        return Ran::yes;
    });
}

TEST_CASE("ML-KEM-768 encapsulates to Wycheproof's bytes and refuses every key that is not reduced") {
    for_each_case("mlkem_768_encaps_test.json", [](const Json&, const Json& test, const std::string& result) {
        const auto theirs = public_field<KemPublic>(test, "ek");
        if (!theirs) return Ran::inexpressible;
        const Buffer message = hex_field(test, "m");
        GivenRandom random(message);
        const auto encapsulated = encapsulate(*theirs, random);
        if (result != "valid") {
            CHECK(encapsulated.error() == Error::bad_key);  // FIPS 203 §7.2
            return Ran::yes;
        }
        REQUIRE(encapsulated);
        CHECK(random.spent());
        CHECK(equal(encapsulated->ciphertext.bytes, hex_field(test, "c")));
        CHECK(equal(encapsulated->secret.reveal(), hex_field(test, "K")));
        return Ran::yes;
    });
}

TEST_CASE("ML-KEM-768 decapsulates as Wycheproof says, wrong ciphertexts to an unrelated secret") {
    for_each_case("mlkem_768_test.json", [](const Json&, const Json& test, const std::string& result) {
        const Buffer seed = hex_field(test, "seed");
        const auto ciphertext = public_field<KemCiphertext>(test, "c");
        if (seed.size() != 64 || !ciphertext) return Ran::inexpressible;
        CHECK(result == "valid");
        GivenRandom random(seed);
        const KemKeyPair ours = generate_kem(random);
        CHECK(equal(ours.shared.bytes, hex_field(test, "ek")));
        const auto secret = decapsulate(ours.secret, *ciphertext);
        REQUIRE(secret);
        CHECK(equal(secret->reveal(), hex_field(test, "K")));
        return Ran::yes;
    });
}

TEST_CASE("ML-KEM-768 refuses a decapsulation key that does not match its own hash") {
    for_each_case("mlkem_768_semi_expanded_decaps_test.json",
                  [](const Json&, const Json& test, const std::string& result) {
                      const auto ours = secret_field<KemPrivate>(test, "dk");
                      const auto ciphertext = public_field<KemCiphertext>(test, "c");
                      if (!ours || !ciphertext) return Ran::inexpressible;
                      const auto secret = decapsulate(*ours, *ciphertext);
                      if (result != "valid") {
                          CHECK(secret.error() == Error::bad_key);  // FIPS 203 §7.3
                          return Ran::yes;
                      }
                      REQUIRE(secret);
                      CHECK(equal(secret->reveal(), hex_field(test, "K")));
                      return Ran::yes;
                  });
}

TEST_CASE("XChaCha20-Poly1305 seals and opens headers as Wycheproof says, and refuses its modified tags") {
    for_each_case("xchacha20_poly1305_test.json", [](const Json&, const Json& test, const std::string& result) {
        const Buffer nonce = hex_field(test, "iv");
        if (nonce.size() != xaead_nonce_size) return Ran::inexpressible;
        const auto key = secret_field<HeaderKey>(test, "key");
        REQUIRE(key);
        const Buffer associated = hex_field(test, "aad");
        const Buffer plaintext = hex_field(test, "msg");
        const Buffer listed = joined(joined(nonce, hex_field(test, "ct")), hex_field(test, "tag"));

        GivenRandom random(nonce);
        Buffer sealed(plaintext.size() + header_overhead);
        seal_header(*key, plaintext, associated, random, sealed);
        CHECK(random.spent());
        CHECK(equal(sealed, listed) == (result == "valid"));
        Buffer opened(plaintext.size());
        const auto done = open_header(*key, listed, associated, opened);
        CHECK(done.has_value() == (result == "valid"));
        if (done) CHECK(equal(opened, plaintext));
        if (!done) CHECK(done.error() == Error::forged);
        return Ran::yes;
    });
}

TEST_CASE("every file of Wycheproof's is run, but for HMAC and HKDF with SHA-256, which nothing of ours wraps") {
    const std::string no_wrapper = "not run: the protocol hashes with SHA-512 alone, so there is no wrapper to try";
    const std::string by_transport = "run by the transport tests, through libsrtp";
    const std::string here = "run above";
    const std::map<std::string, std::string> where{{"aes_gcm_test.json", by_transport},
                                                   {"chacha20_poly1305_test.json", here},
                                                   {"ed25519_test.json", here},
                                                   {"hkdf_sha256_test.json", no_wrapper},
                                                   {"hkdf_sha512_test.json", here},
                                                   {"hmac_sha256_test.json", no_wrapper},
                                                   {"hmac_sha512_test.json", here},
                                                   {"mlkem_768_encaps_test.json", here},
                                                   {"mlkem_768_keygen_seed_test.json", here},
                                                   {"mlkem_768_semi_expanded_decaps_test.json", here},
                                                   {"mlkem_768_test.json", here},
                                                   {"x25519_test.json", here},
                                                   {"xchacha20_poly1305_test.json", here}};
    const std::filesystem::path folder = std::filesystem::path(SOTTO_VECTORS) / "wycheproof";
    if (!std::filesystem::exists(folder)) {
        MESSAGE("skipped: no Wycheproof vectors beside the project");
        return;
    }
    std::size_t found = 0;
    for (const auto& file : std::filesystem::directory_iterator(folder)) {
        if (file.path().extension() != ".json") continue;
        const std::string name = file.path().filename();
        CAPTURE(name);
        REQUIRE(where.contains(name));
        ++found;
        if (where.at(name) != no_wrapper) continue;
        std::ifstream in(file.path());
        MESSAGE(name, ": all ", Json::parse(in).at("numberOfTests").get<std::size_t>(), " cases ", no_wrapper);
    }
    CHECK(found == where.size());
}
