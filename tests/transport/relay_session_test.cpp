// What a TLS session with a relay leaves for the next one, and when it is of no use.
#include <doctest/doctest.h>

#include <array>

#include "transport/relay_session.h"

using namespace sotto;
using namespace sotto::transport;
using std::chrono::seconds;

namespace {

RelaySession made(const std::string& relay, std::size_t size) {
    RelaySession session{
        .relay = relay, .way = "10.0.0.1 10.0.0.2", .begun = seconds(1000), .until = seconds(1500), .secret = {}};
    session.secret = SecretBuffer(size);
    if (size > 0) session.secret.fill().front() = std::byte{7};
    return session;
}

}  // namespace

TEST_CASE("kept relay sessions come back as they were, those without a secret not at all") {
    const RelaySession first = made("one 5349 ", 300), none = made("two 5349 ", 0), last = made("three 443 /ca", 1);
    const std::array all{&first, &none, &last};
    const SecretBuffer kept = encode_relay_sessions(all);
    const auto again = parse_relay_sessions(kept.reveal());
    REQUIRE(again);
    REQUIRE(again->size() == 2);
    CHECK((*again)[0].relay == first.relay);
    CHECK((*again)[1].relay == last.relay);
    for (const RelaySession& session : *again) {
        CHECK(session.way == first.way);
        CHECK(session.begun == first.begun);
        CHECK(session.until == first.until);
        CHECK(session.secret.reveal().front() == std::byte{7});
    }
    CHECK(encode_relay_sessions(std::array{&none}).size() == 0);
    CHECK(parse_relay_sessions({}).value().empty());
}

TEST_CASE("a record of relay sessions that is cut or longer is refused") {
    const RelaySession session = made("relay 5349 ", 40);
    const SecretBuffer kept = encode_relay_sessions(std::array{&session});
    for (std::size_t size = 1; size < kept.size(); ++size) CHECK_FALSE(parse_relay_sessions(kept.reveal().first(size)));
    Buffer longer = to_buffer(kept.reveal());
    longer.push_back({});
    CHECK(parse_relay_sessions(longer).error() == Error::malformed);
    longer.pop_back();
    longer[0] = std::byte{2};
    CHECK(parse_relay_sessions(longer).error() == Error::unsupported_version);
}

TEST_CASE("a relay session serves its own way alone, and two hours at most") {
    RelaySession session = made("relay 5349 ", 40);
    const std::string way = session.way;
    CHECK(session.serves(way, seconds(1000)));
    CHECK(session.serves(way, seconds(1499)));
    CHECK_FALSE(session.serves(way, seconds(1500)));
    CHECK_FALSE(session.serves(way, seconds(999)));  // the clock was put back
    CHECK_FALSE(session.serves("10.0.0.9 10.0.0.2", seconds(1100)));
    CHECK_FALSE(session.serves("10.0.0.1 10.0.0.9", seconds(1100)));
    session.until = session.begun + RelaySession::longest + seconds(1);
    CHECK_FALSE(session.serves(way, seconds(1100)));
    CHECK_FALSE(made("relay 5349 ", 0).serves(way, seconds(1100)));
}
