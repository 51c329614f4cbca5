// Two real ICE agents on loopback, with coturn between them where it is installed.
#include "net_edge/two_agents.h"

using namespace sotto;
using namespace sotto::test;
using namespace sotto::transport;
using namespace sotto::transport::net;

namespace {

std::optional<Relay> relay_or_skip(const std::string& host = "127.0.0.1",
                                   Relay::Credentials credentials = Relay::Credentials::fixed) {
    auto relay = Relay::start(host, credentials);
    if (!relay) MESSAGE("skipped: coturn is not installed (./dev setup test)");
    return relay;
}

void check_only_relayed(const IceSide& side) {
    REQUIRE_FALSE(side.routes.empty());
    for (const Buffer& route : side.routes) {
        const auto description = parse_ice_description(route);
        REQUIRE(description);
        CHECK(description->count > 0);
        for (const IceCandidate& candidate : description->candidates()) {
            CHECK(candidate.type == CandidateType::relayed);
        }
    }
}

IceSettings direct(const std::string& address) {
    return {.policy = IcePolicy::direct, .relays = {}, .controlling = false, .local_address = address};
}

IceSettings relayed(const Relay& relay, RelayTransport transport) {
    IceSettings settings;
    settings.relays = {relay.server(transport)};
    return settings;
}

}  // namespace

TEST_CASE("two agents connect directly on loopback when both chose it") {
    std::string address;
    SUBCASE("IPv4") { address = "127.0.0.1"; }
    SUBCASE("IPv6") { address = "::1"; }
    TwoAgents agents = two_agents(direct(address));
    REQUIRE(agents.gather_and_connect());
    CHECK_FALSE(agents.a.connected[0].relayed);
    CHECK_FALSE(agents.b.connected[0].relayed);
    CHECK(agents.talk("hello"));
    for (const IceSide* side : {&agents.a, &agents.b}) {
        const auto description = parse_ice_description(side->routes.back());
        REQUIRE(description);
        CHECK(description->count == 1);
        CHECK(description->candidates()[0].type == CandidateType::host);
        CHECK(description->candidates()[0].address.v6 == (address == "::1"));
    }
}

TEST_CASE("two agents connect through a relay and tell of relayed candidates alone") {
    RelayTransport transport{};
    SUBCASE("over UDP") { transport = RelayTransport::udp; }
    SUBCASE("over TCP") { transport = RelayTransport::tcp; }
    const auto relay = relay_or_skip();
    if (!relay) return;
    TwoAgents agents = two_agents(relayed(*relay, transport));
    REQUIRE(agents.gather_and_connect());
    CHECK(agents.a.connected[0].relayed);
    CHECK(agents.b.connected[0].relayed);
    CHECK(agents.talk("hello"));
    check_only_relayed(agents.a);
    check_only_relayed(agents.b);
}
