// Two real ICE agents on loopback, with coturn between them where it is installed.
#include <csignal>
#include <filesystem>

#include "interop/udp_port.h"
#include "net_edge/two_agents.h"
#include "transport/net/turn_credentials.h"

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
    bool both = false;
    SUBCASE("over UDP") { transport = RelayTransport::udp; }
    SUBCASE("over TCP") { transport = RelayTransport::tcp; }
    SUBCASE("over both") { both = true; }
    const auto relay = relay_or_skip();
    if (!relay) return;
    IceSettings settings = relayed(*relay, transport);
    if (both) settings.relays.push_back(relay->server(RelayTransport::tcp));
    TwoAgents agents = two_agents(settings);
    REQUIRE(agents.gather_and_connect());
    CHECK(agents.a.connected[0].relayed);
    CHECK(agents.b.connected[0].relayed);
    CHECK(agents.talk("hello"));
    check_only_relayed(agents.a);
    check_only_relayed(agents.b);
}

TEST_CASE("a peer that was told our credentials alone finds us where our check comes from") {
    RelayTransport transport{};
    SUBCASE("over UDP") { transport = RelayTransport::udp; }
    SUBCASE("over TCP") { transport = RelayTransport::tcp; }
    const auto relay = relay_or_skip();
    if (!relay) return;
    TwoAgents agents = two_agents(relayed(*relay, transport));
    auto& [caller, callee] = agents;
    REQUIRE(caller.agent.gather());
    REQUIRE(agents.run_until([&] { return !caller.routes.empty(); }));
    REQUIRE(callee.agent.gather());
    const IceRoute bare = callee.agent.route();
    CHECK(parse_ice_description(bare.bytes()).value().count == 0);
    REQUIRE(caller.agent.set_remote(bare.bytes()));
    REQUIRE(callee.agent.set_remote(caller.routes.back()));
    const auto turn = [&] {
        take_events(caller, [](Bytes) {});
        take_events(callee, [](Bytes) {});  // the caller is told no more
        std::vector<pollfd> descriptors;
        static_cast<void>(caller.agent.add_descriptors(descriptors));
        static_cast<void>(callee.agent.add_descriptors(descriptors));
        ::poll(descriptors.data(), descriptors.size(), 5);
    };
    const Deadline deadline(std::chrono::seconds(60));
    while ((caller.connected.empty() || callee.connected.empty()) && !deadline.passed()) turn();
    REQUIRE_FALSE(caller.connected.empty());
    REQUIRE_FALSE(callee.connected.empty());
    CHECK(caller.connected[0].relayed);
    CHECK(callee.connected[0].relayed);
    CHECK(agents.talk("unnamed"));
}

TEST_CASE("relay mode without a relay is refused before anything is opened") {
    const auto agent = IceAgent::create({});
    REQUIRE_FALSE(agent);
    CHECK(agent.error() == Error::invalid_argument);
    CHECK(IceAgent::create(direct("not-an-address")).error() == Error::invalid_argument);
}

TEST_CASE("an agent that does not gather opens no socket and has nothing to tell") {
    const auto sockets = [] { return sockets_of(::getpid()).size(); };
    const std::size_t before = sockets();
    IceSide side(direct("127.0.0.1"));
    CHECK(side.agent.restart().error() == Error::wrong_state);
    CHECK(side.agent.send(as_bytes("early")).error() == Error::wrong_state);
    take_events(side, [](Bytes) { FAIL("a route before gather()"); });
    CHECK(sockets() == before);
    REQUIRE(side.agent.gather());
    CHECK(sockets() > before);  // the count can tell
    CHECK(side.agent.gather().error() == Error::wrong_state);
}

TEST_CASE("a peer's route may come before we gather") {
    TwoAgents agents = two_agents(direct("127.0.0.1"));
    REQUIRE(agents.a.agent.gather());
    REQUIRE(agents.run_until([&] { return !agents.a.routes.empty(); }));
    REQUIRE(agents.b.agent.gather());
    REQUIRE(agents.run_until([&] { return !agents.a.connected.empty() && !agents.b.connected.empty(); }));
    CHECK(agents.talk("late"));
}

TEST_CASE("in relay mode a peer's host candidate is refused, counted, and hears nothing") {
    const auto relay = relay_or_skip();
    if (!relay) return;
    auto trap = UdpSocket::bind("127.0.0.1");
    REQUIRE(trap);
    const std::string route = trap->local_route();
    const auto port = static_cast<std::uint16_t>(std::stoi(route.substr(route.find(' ') + 1)));

    TwoAgents agents = two_agents(relayed(*relay, RelayTransport::udp));
    REQUIRE(agents.a.agent.gather());
    REQUIRE(agents.b.agent.gather());
    REQUIRE(agents.run_until([&] { return !agents.b.routes.empty(); }));
    auto description = parse_ice_description(agents.b.routes.back()).value();
    for (const auto type : {CandidateType::host, CandidateType::server_reflexive}) {
        IceCandidate& added = description.room[description.count++];
        added = {.type = type, .priority = 1, .address = {}, .port = port};
        added.address.bytes = {std::byte{127}, std::byte{0}, std::byte{0}, std::byte{1}};
    }
    std::array<std::byte, max_ice_description> room;
    REQUIRE(agents.a.agent.set_remote(Bytes(room).first(write_ice_description(description, room).value())));
    REQUIRE(agents.run_until([&] { return !agents.a.connected.empty() && !agents.b.connected.empty(); }));
    CHECK(agents.talk("only by the relay"));
    CHECK(agents.a.agent.counts().refused_candidates == 2);
    CHECK(agents.b.agent.counts().refused_candidates == 0);
    std::array<std::byte, 2048> heard;
    CHECK_FALSE(trap->receive(heard).value());
}

TEST_CASE("a relay that refuses the credentials is told as what it is") {
    const auto relay = relay_or_skip();
    if (!relay) return;
    IceSettings settings = relayed(*relay, RelayTransport::udp);
    settings.relays[0].password = "guessed";
    TwoAgents agents = two_agents(settings);
    REQUIRE(agents.a.agent.gather());
    REQUIRE(agents.run_until([&] { return !agents.a.failed.empty(); }));
    CHECK(agents.a.failed[0].why == IceFailure::no_candidates);
    CHECK_FALSE(agents.a.failed[0].silent);
    CHECK(agents.a.routes.empty());
}

TEST_CASE("that nobody answers at a relay over TCP is told at once") {
    IceSettings settings;
    settings.relays = {
        {.host = "127.0.0.1", .port = free_port(), .transport = RelayTransport::tcp, .user = "u", .password = "p"}};
    TwoAgents agents = two_agents(settings);
    REQUIRE(agents.a.agent.gather());
    const Deadline soon(std::chrono::seconds(4));  // libnice by itself waits for twice as long
    REQUIRE(agents.run_until([&] { return !agents.a.failed.empty() || soon.passed(); }));
    REQUIRE(agents.a.failed.size() == 1);
    CHECK(agents.a.failed[0].why == IceFailure::no_candidates);
    REQUIRE(agents.a.agent.restart());
    REQUIRE(agents.run_until([&] { return agents.a.failed.size() == 2 || soon.passed(); }));
    REQUIRE(agents.a.failed.size() == 2);
    CHECK(agents.a.failed[1].generation == 1);
    CHECK_FALSE(agents.a.failed[1].silent);
}

TEST_CASE("a relay that takes connections and says nothing is given up") {
    const Descriptor mute(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    REQUIRE(::bind(mute.get(), generic, size) == 0);
    REQUIRE(::listen(mute.get(), 4) == 0);
    REQUIRE(::getsockname(mute.get(), generic, &size) == 0);
    const auto by = [&](RelayTransport transport) {
        IceSettings settings;
        settings.relays = {{.host = "127.0.0.1",
                            .port = ntohs(address.sin_port),
                            .transport = transport,
                            .user = "u",
                            .password = "p"}};
        return settings;
    };
    TwoAgents agents(by(RelayTransport::tcp), by(RelayTransport::tls));
    REQUIRE(agents.a.agent.gather());
    REQUIRE(agents.b.agent.gather());
    const Deadline patience(std::chrono::seconds(20));
    REQUIRE(
        agents.run_until([&] { return (!agents.a.failed.empty() && !agents.b.failed.empty()) || patience.passed(); }));
    for (const IceSide* const side : {&agents.a, &agents.b}) {
        REQUIRE(side->failed.size() == 1);
        CHECK(side->failed[0].why == IceFailure::no_candidates);
        CHECK(side->failed[0].silent);
        CHECK(side->routes.empty());
    }
}

TEST_CASE("a relay over TCP may take longer than two seconds to its first word") {
    const auto relay = relay_or_skip();
    if (!relay) return;
    TwoAgents agents = two_agents(relayed(*relay, RelayTransport::tcp));
    ::kill(relay->pid(), SIGSTOP);  // its machine still takes the connection
    REQUIRE(agents.a.agent.gather());
    const Deadline asleep(std::chrono::seconds(3));
    static_cast<void>(agents.run_until([&] { return asleep.passed(); }));
    CHECK(agents.a.routes.empty());
    ::kill(relay->pid(), SIGCONT);
    REQUIRE(agents.run_until([&] { return !agents.a.routes.empty() || !agents.a.failed.empty(); }));
    CHECK(agents.a.failed.empty());
}

TEST_CASE("credentials made of the relay's secret are accepted until they expire") {
    const auto relay = relay_or_skip("127.0.0.1", Relay::Credentials::by_secret);
    if (!relay) return;
    const auto today = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    const auto settings = [&](std::chrono::seconds from_now) {
        IceSettings made = relayed(*relay, RelayTransport::udp);
        const TurnCredentials credentials = turn_credentials(Relay::secret, today + from_now, "test");
        made.relays[0].user = credentials.user;
        made.relays[0].password = credentials.password;
        return made;
    };
    TwoAgents agents = two_agents(settings(std::chrono::hours(1)));
    REQUIRE(agents.gather_and_connect());
    CHECK(agents.talk("for an hour"));

    TwoAgents late = two_agents(settings(-std::chrono::hours(1)));
    REQUIRE(late.a.agent.gather());
    REQUIRE(late.run_until([&] { return !late.a.failed.empty(); }));
    CHECK(late.a.failed[0].why == IceFailure::no_candidates);
}

TEST_CASE("a restart by either side, or by both at once, leads to one new path") {
    TwoAgents agents = two_agents(direct("127.0.0.1"));
    REQUIRE(agents.gather_and_connect());
    const auto both_reach = [&](std::uint16_t generation) {
        return agents.run_until([&] {
            return agents.a.connected.back().generation == generation &&
                   agents.b.connected.back().generation == generation;
        });
    };
    REQUIRE(agents.a.agent.restart());
    CHECK(agents.a.agent.connected());  // by the old path
    CHECK(agents.talk("meanwhile"));
    CHECK(both_reach(1));
    CHECK(agents.talk("after the first"));
    REQUIRE(agents.b.agent.restart());
    CHECK(both_reach(2));
    REQUIRE(agents.a.agent.restart());
    REQUIRE(agents.b.agent.restart());
    CHECK(both_reach(3));
    CHECK(agents.talk("after the last"));
    CHECK(agents.a.restarted.size() == 3);
    CHECK(agents.b.restarted.size() == 3);
    CHECK(agents.a.agent.set_remote(agents.b.routes.front()).error() == Error::outdated);
    CHECK(agents.a.agent.set_remote(agents.b.routes.back()).has_value());
}

TEST_CASE("a restart through a relay, and what was given back to it") {
    const auto relay = relay_or_skip();
    if (!relay) return;
    {
        TwoAgents agents = two_agents(relayed(*relay, RelayTransport::udp));
        REQUIRE(agents.gather_and_connect());
        REQUIRE(agents.a.agent.restart());
        REQUIRE(agents.run_until([&] { return agents.a.connected.size() == 2 && agents.b.connected.size() == 2; }));
        CHECK(agents.talk("again"));
        check_only_relayed(agents.a);
        check_only_relayed(agents.b);
    }
    const auto count = [&](std::string_view text) {
        const std::string log = relay->log();
        std::size_t times = 0;
        for (auto at = log.find(text); at != std::string::npos; at = log.find(text, at + 1)) ++times;
        return times;
    };
    CHECK(count("ALLOCATE processed, success") == 4);
    CHECK(count("lifetime=0") == 4);
}

TEST_CASE("sockets of agents whose relay fell silent are closed while the next agent is polled") {
    const auto relay = relay_or_skip();
    if (!relay) return;
    // GLib keeps descriptors of other kinds that it opens for the first of these.
    const auto open_now = [] {
        return std::ranges::count_if(std::filesystem::directory_iterator("/proc/self/fd"), [](const auto& open) {
            std::error_code gone;
            return std::filesystem::read_symlink(open, gone).string().starts_with("socket:");
        });
    };
    const auto before = open_now();
    {
        TwoAgents agents = two_agents(relayed(*relay, RelayTransport::udp));
        REQUIRE(agents.gather_and_connect());
        REQUIRE(::kill(relay->pid(), SIGSTOP) == 0);
    }
    const auto kept = open_now() - before;
    CHECK(kept > 0);
    {
        TwoAgents next = two_agents(direct("127.0.0.1"));
        const auto of_its_own = open_now() - before - kept;
        CHECK(next.run_until([&] { return open_now() == before + of_its_own; }));
    }
    CHECK(open_now() == before);
    REQUIRE(::kill(relay->pid(), SIGCONT) == 0);
}
