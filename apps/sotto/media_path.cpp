#include "apps/sotto/media_path.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>

#include "transport/net/turn_credentials.h"
#include "transport/net/udp_socket.h"

namespace sotto::app {
namespace {

using namespace transport::net;

constexpr auto relay_patience = std::chrono::seconds(10);  // with one that says nothing, when a call begins
constexpr auto credentials_last = std::chrono::hours(1);   // refreshed allocations keep the credentials they began with

std::string line_of(const std::string& what, Error error) { return what + ": " + std::string(describe(error)); }

Expected<RelayServer> relay_of(const PathSettings& settings, const std::string& uri) {
    auto relay = parse_relay_uri(uri);
    if (!relay) {
        return std::unexpected("--relay is turn:HOST:PORT[?transport=udp|tcp] or turns:HOST:PORT, not " + uri);
    }
    relay->user = settings.relay_user;
    relay->password = settings.relay_password;
    relay->authorities = settings.relay_ca;
    if (!settings.relay_secret.empty()) {
        const auto today = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
        const TurnCredentials made =
            turn_credentials(settings.relay_secret, today + credentials_last, settings.relay_user);
        relay->user = made.user;
        relay->password = made.password;
    }
    if (relay->user.empty() || relay->password.empty()) {
        return std::unexpected("--relay needs --relay-user and --relay-password-file, or --relay-secret-file");
    }
    return *relay;
}

// All that are named, with commas between them.
Expected<std::vector<RelayServer>> relays_of(const PathSettings& settings) {
    std::vector<RelayServer> relays;
    std::istringstream uris(settings.relay);
    for (std::string uri; std::getline(uris, uri, ',');) {
        auto relay = relay_of(settings, uri);
        if (!relay) return std::unexpected(relay.error());
        relays.push_back(std::move(*relay));
    }
    return relays;
}

}  // namespace

Expected<MediaPath> MediaPath::prepare(const PathSettings& settings) {
    if (settings.relay.empty() && !settings.direct) {
        return std::unexpected(
            "no way to the other side: give --relay, or --direct on both sides, by which each "
            "learns the other's address");
    }
    MediaPath path;
    path.direct_ = settings.direct;
    path.ice_.local_address = settings.bind;
    if (!settings.relay.empty()) {
        auto relays = relays_of(settings);
        if (!relays) return std::unexpected(relays.error());
        path.ice_.relays = std::move(*relays);
    }
    if (!settings.bind.empty()) {
        const auto socket = UdpSocket::bind(settings.bind);
        if (!socket) return std::unexpected(line_of("cannot use the address " + settings.bind, socket.error()));
    }
    return path;
}

Expected<void> MediaPath::open_agent() {
    auto agent = IceAgent::create(ice_);
    if (!agent) return std::unexpected(line_of("no way to the other side", agent.error()));
    agent_.emplace(std::move(*agent));
    const auto today = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    agent_->offer_sessions(sessions_.reveal(), today.time_since_epoch());
    auto network = NetworkWatch::open();
    if (network) network_.emplace(std::move(*network));
    return {};
}

SecretBuffer MediaPath::take_sessions() { return agent_ ? agent_->sessions() : std::move(sessions_); }

// Where a direct path may be chosen, the answer tells first whether it is.
void MediaPath::open_ahead() {
    if (agent_ || direct_ || !has_relay()) return;
    ice_.controlling = true;
    ice_.policy = IcePolicy::relay;
    if (!open_agent()) return;
    ahead_ = true;
    if (!agent_->gather()) agent_.reset();
}

Expected<void> MediaPath::open(Call& call, bool caller, Instant now) {
    opened_ = now;
    watch_.began(now);
    if (std::exchange(ahead_, false) && agent_) return {};
    ice_.controlling = caller;
    ice_.policy = direct_ && call.direct() ? IcePolicy::direct : IcePolicy::relay;
    if (ice_.policy == IcePolicy::relay && ice_.relays.empty()) {
        return std::unexpected("the other side wants a relay, and --relay names none");
    }
    const auto opened = open_agent();
    if (!opened) return opened;
    const auto gathers = agent_->gather();
    if (!gathers) return std::unexpected(line_of("no way to the other side", gathers.error()));
    // With them the peer answers our first check before our address has come to it.
    if (ice_.policy == IcePolicy::relay) static_cast<void>(call.set_route(agent_->route().bytes()));
    return {};
}

// The call keeps our route until it may tell it.
void MediaPath::work_ahead(Call& call) {
    bool failed = false;
    while (const auto event = agent_->poll()) {
        const auto* const route = std::get_if<IceRoute>(&*event);
        failed |= route == nullptr || !call.set_route(route->bytes());
    }
    if (!failed) return;
    static_cast<void>(call.set_route({}));
    agent_.reset();
}

Expected<void> MediaPath::hear(Bytes route) {
    if (!agent_) return {};
    const auto heard = agent_->set_remote(route);
    if (heard || heard.error() == Error::outdated) return {};  // routes may overtake one another
    if (agent_->connected()) return {};                        // a bad one takes nothing away
    return std::unexpected(line_of("the peer's route is of no use", heard.error()));
}

Expected<void> MediaPath::work(Call& call, EventLog& log, Instant now) {
    if (!agent_) return {};
    if (ahead_) {
        work_ahead(call);
        return {};
    }
    if (network_ && network_->changed()) {
        log.event({{"event", "network_changed"}});
        watch_.network_changed(now);
    }
    // One that can't begin now is tried again.
    if (watch_.restart_due(now) && !agent_->restart()) watch_.began(now);
    while (const auto event = agent_->poll()) {
        const auto taken = take(*event, call, log, now);
        if (!taken) return taken;
    }
    return {};
}

Expected<void> MediaPath::take(const IceEvent& event, Call& call, EventLog& log, Instant now) {
    if (const auto* route = std::get_if<IceRoute>(&event)) {
        const auto kept = call.set_route(route->bytes());
        if (!kept) log.event({{"event", "refused"}, {"what", "route"}, {"why", name(kept.error())}});
    } else if (const auto* restarted = std::get_if<IceRestarted>(&event)) {
        watch_.began(now);
        log.event({{"event", "path_restarted"}, {"generation", restarted->generation}});
    } else if (const auto* connected = std::get_if<IceConnected>(&event)) {
        watch_.connected(now);
        found_ = true;
        log.event({{"event", "connected"},
                   {"relayed", connected->relayed},
                   {"generation", connected->generation},
                   {"seconds", std::chrono::duration<double>(now - opened_).count()}});
    } else if (const auto* failed = std::get_if<IceFailed>(&event)) {
        watch_.failed(now);
        if (failed->why == IceFailure::no_candidates) watch_.unreachable(now);
        if (failed->why == IceFailure::distrusted) {
            return std::unexpected(
                "the relay's certificate is not the one of its name, or nobody trusted vouches for it");
        }
        const bool refused = failed->why == IceFailure::no_candidates;
        log.event({{"event", "path_failed"},
                   {"why", refused ? "no candidates" : "lost"},
                   {"generation", failed->generation}});
        if (refused && !found_ && (!failed->silent || now - opened_ >= relay_patience)) {
            return std::unexpected("the relay gives no address: it refuses the credentials, or does not answer");
        }
    }
    return {};
}

Expected<void> MediaPath::send(Bytes datagram) {
    if (!connected()) return {};
    const auto sent = agent_->send(datagram);
    return sent ? Expected<void>{} : std::unexpected(line_of("cannot send", sent.error()));
}

std::optional<Bytes> MediaPath::receive(Instant now) {
    const auto datagram = agent_ ? agent_->receive() : std::nullopt;
    if (datagram) watch_.received(now);
    return datagram;
}

Instant MediaPath::wait_for(std::vector<pollfd>& descriptors, Instant now) const {
    if (!agent_) return never;
    const int milliseconds = agent_->add_descriptors(descriptors);
    if (network_) descriptors.push_back({.fd = network_->descriptor(), .events = POLLIN, .revents = 0});
    const Instant due = milliseconds < 0 ? never : now + std::chrono::milliseconds(milliseconds);
    return std::min(due, watch_.deadline());
}

}  // namespace sotto::app
