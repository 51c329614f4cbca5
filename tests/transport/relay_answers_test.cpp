// What a relay told its client: the challenge and the address that it gave.
#include "transport/relay_answers.h"

#include <doctest/doctest.h>

#include "sotto/identity.h"

using namespace sotto;
using namespace sotto::transport;

namespace {

// RFC 5769 §2.2 and §2.3 cover these addresses with this transaction, after the cookie.
constexpr std::string_view transaction = "2112a442b7e7a701bc34d686fa87dfae";
constexpr std::string_view realm = "001400036f726700";  // "org", padded
constexpr std::string_view nonce = "001500046f6e6365";  // "once"

Buffer message(std::string_view type, std::string_view body) {
    const std::string size = to_hex(std::array{std::byte{0}, static_cast<std::byte>(body.size() / 2)});
    return from_hex(std::string(type) + size + std::string(transaction) + std::string(body)).value();
}

std::optional<RelayChallenge> challenge_in(Bytes bytes) {
    RelayAnswers answers;
    answers.take(bytes);
    return answers.challenge();
}

}  // namespace

TEST_CASE("a relay's answer to a request without credentials tells realm and nonce") {
    const RelayChallenge expected{.realm = "org", .nonce = "once"};
    const std::string body = "0009000400000401" + std::string(realm) + std::string(nonce);
    for (const char* const type : {"0113", "0114", "0118", "0119"})
        CHECK(challenge_in(message(type, body)) == expected);
    CHECK_FALSE(challenge_in(message("0103", body)));  // a success asks for nothing
    CHECK_FALSE(challenge_in(message("0111", body)));  // Binding
    CHECK_FALSE(challenge_in(message("0113", realm)));
    CHECK_FALSE(challenge_in(message("0113", nonce)));
    CHECK_FALSE(challenge_in(message("0113", "00140000" + std::string(nonce))));
    CHECK_FALSE(challenge_in(message("0113", "001400036f726700001500056f6e6365")));  // longer than there is
}

TEST_CASE("a relay refuses an address by its no to a second request, not by saying it twice") {
    const Buffer no = message("0113", std::string(realm) + std::string(nonce));
    Buffer no_again = no;
    no_again[19] ^= std::byte{1};  // to another transaction
    RelayAnswers answers;
    answers.take(no);
    answers.take(no);
    CHECK_FALSE(answers.refused());
    answers.take(message("0118", realm));  // to a request for a permission
    CHECK_FALSE(answers.refused());
    answers.take(no_again);
    CHECK(answers.refused());
    answers.take(message("0103", "001600080001a147e112a643"));
    CHECK_FALSE(answers.refused());
}

TEST_CASE("a relay's answer that is cut short anywhere, or no STUN, tells nothing") {
    const Buffer whole = message("0113", std::string(realm) + std::string(nonce));
    REQUIRE(challenge_in(whole));
    for (std::size_t size = 0; size < whole.size(); ++size) CHECK_FALSE(challenge_in(Bytes(whole).first(size)));
    Buffer other_cookie = whole;
    other_cookie[4] ^= std::byte{1};
    CHECK_FALSE(challenge_in(other_cookie));
    Buffer more = whole;
    more.push_back(std::byte{0x40});  // the next message
    CHECK(challenge_in(more));
}

TEST_CASE("the address that a relay gave is uncovered as RFC 5769 covers it") {
    RelayAnswers answers;
    answers.take(message("0103", "001600080001a147e112a643"));
    REQUIRE(answers.relayed());
    CHECK(to_hex(answers.relayed()->address.used()) == "c0000201");
    CHECK(answers.relayed()->port == 32853);
    answers.take(message("0103", "001600140002a1470113a9faa5d3f179bc25f4b5bed2b9d9"));
    CHECK(to_hex(answers.relayed()->address.used()) == "20010db8123456780011223344556677");
    CHECK(answers.relayed()->port == 32853);
    const auto before = answers.relayed();
    answers.take(message("0103", "001600080003a147e112a643"));  // no family
    answers.take(message("0103", "001600080002a147e112a643"));  // too short for it
    answers.take(message("0113", "001600080001a147e112a644"));  // an error gives nothing
    CHECK(answers.relayed() == before);
}
