#include "transport/net/relay_server.h"

#include <doctest/doctest.h>

#include "transport/net/turn_credentials.h"

using namespace sotto;
using namespace sotto::transport::net;

namespace {

void check_relay(std::string_view uri, const std::string& host, int port, RelayTransport transport) {
    CAPTURE(uri);
    const auto server = parse_relay_uri(uri);
    REQUIRE(server);
    CHECK(server->host == host);
    CHECK(server->port == port);
    CHECK(server->transport == transport);
}

}  // namespace

TEST_CASE("a relay's URI is read by RFC 7065") {
    check_relay("turn:relay.example", "relay.example", 3478, RelayTransport::udp);
    check_relay("turn:192.0.2.1:5000", "192.0.2.1", 5000, RelayTransport::udp);
    check_relay("turn:192.0.2.1:5000?transport=udp", "192.0.2.1", 5000, RelayTransport::udp);
    check_relay("turn:[2001:db8::1]:5000?transport=tcp", "2001:db8::1", 5000, RelayTransport::tcp);
    check_relay("turn:[::1]", "::1", 3478, RelayTransport::udp);
    check_relay("turns:relay.example", "relay.example", 5349, RelayTransport::tls);
    check_relay("turns:relay.example:443?transport=tcp", "relay.example", 443, RelayTransport::tls);
}

TEST_CASE("what is no relay's URI is refused") {
    for (const char* const uri :
         {"", "turn:", "turn", "stun:192.0.2.1", "192.0.2.1:3478", "turn:192.0.2.1:", "turn:192.0.2.1:0",
          "turn:192.0.2.1:65536", "turn:192.0.2.1:+1", "turn:2001:db8::1:99999", "turn:[::1", "turn:[::1]3478",
          "turn:a b", "turn:a?transport=tls", "turns:a?transport=udp", "turn:a?", "turn:a?transport=udp&x",
          "turn:a/b"}) {
        CAPTURE(uri);
        const auto server = parse_relay_uri(uri);
        REQUIRE_FALSE(server);
        CHECK(server.error() == Error::invalid_argument);
    }
}

// By `openssl dgst -sha1 -hmac north -binary | base64`.
TEST_CASE("a relay's time-limited password is the HMAC of its user name") {
    const std::chrono::sys_seconds expiry{std::chrono::seconds(1433895918)};
    CHECK(turn_credentials("north", expiry).user == "1433895918");
    CHECK(turn_credentials("north", expiry, "bob").user == "1433895918:bob");
    CHECK(turn_credentials("north", expiry).password == "3dkl8uIBelQlraT8v9eCSJTyt+U=");
    CHECK(turn_credentials("north", expiry, "bob").password == "+qCJxktJhPsEAA0wfh7NCKO+G0M=");
}
