#include "transport/net/ice_agent.h"

#include <algorithm>
#include <limits>
#include <mutex>
#include <utility>
#include <vector>

namespace sotto::transport::net {
namespace {

constexpr int farewell_milliseconds = 200;

IceRoute route_of(const IceDescription& ours) {
    IceRoute route;
    route.size = write_ice_description(ours, route.room).value_or(0);
    return route;
}

// Agents that are gone, whose relays owe libnice an answer still: it keeps its sockets until it has that, or has asked
// often enough, and does either only while somebody runs its loop. Those of all threads, and never destroyed.
struct Leaving {
    std::unique_ptr<GlibLoop> loop;
    std::unique_ptr<int> alive;
};
struct Leavers {
    std::mutex turn;
    std::vector<Leaving> agents;
};
Leavers& leavers() {
    static Leavers& all = *new Leavers;
    return all;
}

void see_off() {
    const std::unique_lock turn(leavers().turn, std::try_to_lock);
    if (!turn) return;  // another thread is at it
    std::erase_if(leavers().agents, [](const Leaving& gone) {
        gone.loop->run();
        return *gone.alive == 0;
    });
}

}  // namespace

IceAgent::IceAgent(IceSettings settings)
    : settings_(std::move(settings)),
      loop_(std::make_unique<GlibLoop>()),
      alive_(std::make_unique<int>(0)),
      inbox_(std::make_unique<DatagramQueue>()) {}

Result<IceAgent> IceAgent::create(IceSettings settings) {
    see_off();
    IceAgent agent(std::move(settings));
    const auto opened = agent.open_tunnels();
    if (!opened) return Failure(opened.error());
    const auto begun = agent.begin(0);
    if (!begun) return Failure(begun.error());
    return agent;
}

IceAgent::~IceAgent() {
    if (!loop_) return;  // moved from
    for (auto* session : {&fading_, &path_, &next_}) session->reset();
    loop_->run_until_zero(*alive_, farewell_milliseconds);
    if (*alive_ == 0) return;
    tunnels_.clear();  // another thread may run the loop from here on
    const std::lock_guard turn(leavers().turn);
    leavers().agents.push_back({std::move(loop_), std::move(alive_)});
}

// libnice 0.1.21 sends what it calls TLS in plain TCP, and lets nobody send by its TCP connections beside it.
Result<void> IceAgent::open_tunnels() {
    for (RelayServer& relay : settings_.relays) {
        if (relay.transport == RelayTransport::udp) continue;
        auto tunnel = RelayTunnel::open(relay, settings_.local_address, *loop_);
        if (!tunnel) return Failure(tunnel.error());
        relay = (*tunnel)->entrance();
        tunnels_.push_back(std::move(*tunnel));
    }
    return {};
}

void IceAgent::offer_sessions(Bytes kept, std::chrono::seconds now) {
    for (const auto& tunnel : tunnels_) tunnel->set_clock(now);
    auto sessions = parse_relay_sessions(kept);
    if (!sessions) return;
    for (const auto& tunnel : tunnels_) {
        const auto of_it = std::ranges::find(*sessions, tunnel->name(), &RelaySession::relay);
        if (of_it != sessions->end()) tunnel->offer(std::move(*of_it));
    }
}

SecretBuffer IceAgent::sessions() const {
    std::vector<const RelaySession*> sessions;
    for (const auto& tunnel : tunnels_) sessions.push_back(&tunnel->session());
    return encode_relay_sessions(sessions);
}

Result<void> IceAgent::begin(std::uint16_t generation) {
    IceSession::Tunnels tunnels;
    for (const auto& tunnel : tunnels_) tunnels.push_back(tunnel.get());
    auto session = IceSession::create(settings_, loop_->get(), generation, std::move(tunnels), *inbox_, *alive_);
    if (!session) return Failure(session.error());
    if (next_) counts_.refused_candidates += next_->refused_candidates();
    next_ = std::move(*session);
    hopeless_told_ = false;
    return {};
}

Result<void> IceAgent::gather() {
    if (gathering_) return Failure(Error::wrong_state);
    gathering_ = true;
    const auto gathers = next_->gather();
    if (!gathers) return gathers;
    loop_->run();  // a connection to a relay is begun now, whatever the client does before it polls
    if (!early_) return {};
    return next_->set_remote(*early_);
}

Result<void> IceAgent::restart() {
    if (!gathering_) return Failure(Error::wrong_state);
    const std::uint16_t newest = newest_generation();
    if (newest == std::numeric_limits<std::uint16_t>::max()) return Failure(Error::key_exhausted);
    return restart(static_cast<std::uint16_t>(newest + 1));
}

Result<void> IceAgent::restart(std::uint16_t generation) {
    const auto begun = begin(generation);
    if (!begun) return begun;
    events_.push_back(IceRestarted{generation});
    return next_->gather();
}

std::uint16_t IceAgent::newest_generation() const { return next_ ? next_->generation() : path_->generation(); }

Result<void> IceAgent::set_remote(Bytes route) {
    const auto description = parse_ice_description(route);
    if (!description) return Failure(description.error());
    if (!gathering_) {
        if (!early_ || early_->generation <= description->generation) early_ = *description;
        return {};
    }
    const std::uint16_t newest = newest_generation();
    if (description->generation < newest) return Failure(Error::outdated);
    if (description->generation > newest) {
        const auto restarted = restart(description->generation);
        if (!restarted) return restarted;
    }
    return (next_ ? next_ : path_)->set_remote(*description);
}

IceRoute IceAgent::route() const { return route_of((next_ ? next_ : path_)->local()); }

std::optional<IceEvent> IceAgent::poll() {
    see_off();
    loop_->run();
    for (auto* session : {&path_, &next_}) {
        if (*session) hear(**session);
    }
    const bool distrusted = std::ranges::any_of(tunnels_, [](const auto& tunnel) { return tunnel->distrusted(); });
    if (distrusted && !std::exchange(distrust_told_, true)) {
        events_.push_back(IceFailed{IceFailure::distrusted, newest_generation(), false});
    }
    if (next_ && !hopeless_told_ && hopeless()) {
        hopeless_told_ = true;
        events_.push_back(IceFailed{IceFailure::no_candidates, newest_generation(), false});
    }
    if (next_ && (next_->connected() || (!path_ && next_->ready()))) promote();
    if (fading_ && path_->received() > 0) fading_.reset();
    if (events_.empty()) return std::nullopt;
    const IceEvent event = events_.front();
    events_.pop_front();
    return event;
}

// libnice learns that its connection to a relay is gone, and yet waits for an answer for seconds.
bool IceAgent::hopeless() const {
    if (settings_.policy != IcePolicy::relay || tunnels_.size() != settings_.relays.size()) return false;
    return std::ranges::all_of(tunnels_, [](const auto& tunnel) { return tunnel->unreachable(); }) &&
           next_->local().count == 0;
}

void IceAgent::hear(IceSession& session) {
    const IceSession::News news = session.take_news();
    if (news.candidates || news.gathered) {
        const IceDescription ours = session.local();
        if (ours.count > 0 && news.candidates) events_.push_back(route_of(ours));
        if (news.gathered && ours.count == 0) {
            events_.push_back(IceFailed{IceFailure::no_candidates, session.generation(), session.relays_silent()});
        }
    }
    if (news.connected) events_.push_back(IceConnected{session.relayed(), session.generation()});
    if (news.lost) events_.push_back(IceFailed{IceFailure::lost, session.generation(), false});
}

// Media take the new path. What the peer sent by the old one before it knew still comes in.
void IceAgent::promote() {
    if (path_) counts_.refused_candidates += path_->refused_candidates();
    fading_ = std::exchange(path_, std::move(next_));
}

Result<void> IceAgent::send(Bytes datagram) {
    if (!path_) return Failure(Error::wrong_state);
    if (!path_->send(datagram)) ++counts_.send_drops;
    return {};
}

IceCounts IceAgent::counts() const {
    IceCounts counts = counts_;
    for (const auto* session : {&path_, &next_}) {
        if (*session) counts.refused_candidates += (*session)->refused_candidates();
    }
    counts.receive_drops = inbox_->drops();
    return counts;
}

}  // namespace sotto::transport::net
