#include "crypto/short_auth.h"

#include <doctest/doctest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include "crypto/safety_number.h"
#include "support/random.h"

using namespace sotto;
using namespace sotto::crypto;

namespace {

template <class Nonce>
Nonce nonce(int n) {
    Nonce made;
    std::ranges::fill(made.fill(), static_cast<std::byte>(n));
    return made;
}

CallSecret secret(int n) {
    CallSecret made;
    std::ranges::fill(made.fill(), static_cast<std::byte>(n));
    return made;
}

CallBinding binding(int call, int caller, int callee) {
    CallBinding made;
    made.call.bytes.fill(static_cast<std::byte>(call));
    made.caller.key.fill(static_cast<std::byte>(caller));
    made.callee.key.fill(static_cast<std::byte>(callee));
    return made;
}

ShortAuth string_of(int call_secret, int caller, int callee, const CallBinding& bound) {
    return short_auth(derive_sas_key(secret(call_secret)), nonce<CallerNonce>(caller), nonce<CalleeNonce>(callee),
                      bound);
}

// -- The same by OpenSSL, as docs/protocol.md writes it.

using Text = std::basic_string<unsigned char>;

Text text(std::string_view ascii) { return {ascii.begin(), ascii.end()}; }
Text filled(std::size_t size, int n) { return Text(size, static_cast<unsigned char>(n)); }

Text sha512_of(const Text& data) {
    Text hash(64, 0);
    REQUIRE(EVP_Digest(data.data(), data.size(), hash.data(), nullptr, EVP_sha512(), nullptr) == 1);
    return hash;
}

Text hmac_of(const Text& key, const Text& data) {
    Text mac(64, 0);
    REQUIRE(HMAC(EVP_sha512(), key.data(), static_cast<int>(key.size()), data.data(), data.size(), mac.data(),
                 nullptr) != nullptr);
    return mac;
}

// HKDF of at most one block (RFC 5869 §2.2, §2.3).
Text extract(const Text& salt, const Text& ikm) { return hmac_of(salt, ikm); }
Text expand(const Text& prk, const Text& info, std::size_t size) {
    return hmac_of(prk, info + Text{1}).substr(0, size);
}

std::string half_of(int identity) {
    const Text encoded = Text{3} + filled(32, identity);
    Text hash = sha512_of(text("Sotto_v1_safety_number") + Text{0, 0} + encoded);
    for (int i = 0; i < 5200; ++i) hash = sha512_of(hash + encoded);
    std::string digits;
    for (std::size_t group = 0; group < 30; group += 5) {
        std::uint64_t value = 0;
        for (const unsigned char byte : hash.substr(group, 5)) value = value * 256 + byte;
        char five[6];
        std::snprintf(five, sizeof(five), "%05u", static_cast<unsigned>(value % 100000));
        digits += (digits.empty() ? "" : " ") + std::string(five);
    }
    return digits;
}

}  // namespace

TEST_CASE("the 64 symbols are told apart when seen and when said") {
    std::set<std::string_view> emoji, words, beginnings;
    for (const SasSymbol& symbol : sas_symbols()) {
        CAPTURE(symbol.word);
        emoji.insert(symbol.emoji);
        words.insert(symbol.word);
        beginnings.insert(symbol.word.substr(0, 3));
        CHECK(symbol.word.size() >= 3);
        CHECK(symbol.word.size() <= 10);
        CHECK(std::ranges::all_of(symbol.word, [](char c) { return c >= 'a' && c <= 'z'; }));
        // One code point: only its first byte is no continuation byte (RFC 3629 §3).
        CHECK(std::ranges::count_if(symbol.emoji, [](char c) { return (c & 0xc0) != 0x80; }) == 1);
    }
    CHECK(emoji.size() == 64);
    CHECK(words.size() == 64);
    CHECK(beginnings.size() == 64);
}

TEST_CASE("the symbols are those of docs/protocol.md, in its order") {
    std::ifstream page(SOTTO_DOCS "/protocol.md");
    std::string cells;
    for (std::string line; std::getline(page, line);) {
        // Rows of eight, each begins with the number of its first.
        const auto number = static_cast<std::size_t>(std::ranges::count(cells, ';'));
        const std::string row = "| " + std::to_string(number) + " | ";
        if (number == 64 || !line.starts_with(row + std::string(sas_symbols()[number].emoji))) continue;
        std::istringstream in(line.substr(row.size()));
        for (std::string emoji, word, bar; in >> emoji >> word >> bar;) cells += emoji + " " + word + ";";
    }
    std::string expected;
    for (const auto& [emoji, word] : sas_symbols()) expected += std::string(emoji) + " " + std::string(word) + ";";
    CHECK(cells == expected);
}

TEST_CASE("commitment and string are those that the protocol's formulas give") {
    const CallBinding bound = binding(1, 2, 3);
    const SasCommitment commitment = commit(nonce<CallerNonce>(4), bound.call);
    const Text expected = sha512_of(text("Sotto_v1_sas_commitment") + filled(16, 1) + filled(32, 4));
    CHECK(to_hex(commitment) == to_hex(std::as_bytes(std::span(expected).first(32))));

    const Text key = expand(filled(64, 6), text("Sotto_v1_sas"), 64);
    CHECK(to_hex(derive_sas_key(secret(6)).reveal()) == to_hex(std::as_bytes(std::span(key))));
    const Text bound_to = filled(16, 1) + Text{3} + filled(32, 2) + Text{3} + filled(32, 3);
    const Text sas = expand(extract(filled(32, 4) + filled(32, 5), key), text("Sotto_v1_sas") + bound_to, 3);
    const ShortAuth shown = string_of(6, 4, 5, bound);
    // Bit by bit, from the most significant.
    for (std::size_t place = 0; place < 4; ++place) {
        std::size_t number = 0;
        for (std::size_t bit = 6 * place; bit < 6 * place + 6; ++bit) {
            number = number * 2 + (sas[bit / 8] >> (7 - bit % 8) & 1U);
        }
        CHECK(shown[place] == sas_symbols()[number]);
    }
}

TEST_CASE("every part of the call goes into the string") {
    const ShortAuth shown = string_of(6, 4, 5, binding(1, 2, 3));
    CHECK(shown == string_of(6, 4, 5, binding(1, 2, 3)));
    CHECK(shown != string_of(9, 4, 5, binding(1, 2, 3)));
    CHECK(shown != string_of(6, 9, 5, binding(1, 2, 3)));
    CHECK(shown != string_of(6, 4, 9, binding(1, 2, 3)));
    CHECK(shown != string_of(6, 5, 4, binding(1, 2, 3)));
    CHECK(shown != string_of(6, 4, 5, binding(9, 2, 3)));
    CHECK(shown != string_of(6, 4, 5, binding(1, 9, 3)));
    CHECK(shown != string_of(6, 4, 5, binding(1, 2, 9)));
    CHECK(shown != string_of(6, 4, 5, binding(1, 3, 2)));
}

TEST_CASE("all symbols come up, each about as often as any other") {
    test::SeededRandom random(41);
    std::array<int, 64> seen{};
    for (int i = 0; i < 1600; ++i) {
        SasKey key;
        random.fill(key.fill());
        for (const SasSymbol& symbol :
             short_auth(std::move(key), nonce<CallerNonce>(1), nonce<CalleeNonce>(2), binding(1, 2, 3))) {
            ++seen[static_cast<std::size_t>(std::ranges::find(sas_symbols(), symbol) - sas_symbols().begin())];
        }
    }
    // 100 each on average, with a standard deviation of 10.
    CHECK(*std::ranges::min_element(seen) > 50);
    CHECK(*std::ranges::max_element(seen) < 150);
}

TEST_CASE("a commitment is kept by its nonce in its call, and by nothing that differs in a bit") {
    const CallBinding bound = binding(1, 2, 3), other = binding(2, 2, 3);
    const SasCommitment commitment = commit(nonce<CallerNonce>(4), bound.call);
    CHECK(check_commitment(commitment, nonce<CallerNonce>(4), bound.call));
    CHECK(check_commitment(commitment, nonce<CallerNonce>(4), other.call).error() == Error::forged);
    for (std::size_t bit = 0; bit < 8 * commitment.size(); ++bit) {
        CAPTURE(bit);
        const std::byte mask{static_cast<unsigned char>(1U << bit % 8)};
        auto changed = nonce<CallerNonce>(4);
        changed.fill()[bit / 8] ^= mask;
        CHECK(check_commitment(commitment, changed, bound.call).error() == Error::forged);
        SasCommitment changed_commitment = commitment;
        changed_commitment[bit / 8] ^= mask;
        CHECK(check_commitment(changed_commitment, nonce<CallerNonce>(4), bound.call).error() == Error::forged);
    }
}

TEST_CASE("the key of the string is consumed by it and can't be copied") {
    SasKey key = derive_sas_key(secret(6));
    static_cast<void>(short_auth(std::move(key), nonce<CallerNonce>(4), nonce<CalleeNonce>(5), binding(1, 2, 3)));
    CHECK(std::ranges::all_of(key.reveal(), [](std::byte b) { return b == std::byte{0}; }));
    static_assert(!std::is_copy_constructible_v<SasKey> && !std::is_copy_constructible_v<CallerNonce>);
    static_assert(!std::is_convertible_v<CallerNonce, CalleeNonce>);
}

TEST_CASE("a safety number is 5200 rounds of SHA-512 an identity, the smaller half first") {
    const CallBinding bound = binding(1, 2, 3);
    const std::string a = half_of(2), b = half_of(3);
    const std::string expected = std::min(a, b) + " " + std::max(a, b);
    CHECK(safety_number(bound.caller, bound.callee) == expected);
    CHECK(safety_number(bound.callee, bound.caller) == expected);
}
