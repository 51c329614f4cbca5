#include "transport/net/ice_agent.h"

#include <limits>
#include <utility>

namespace sotto::transport::net {
namespace {

constexpr int farewell_milliseconds = 200;

}  // namespace

IceAgent::IceAgent(IceSettings settings)
    : settings_(std::move(settings)),
      loop_(std::make_unique<GlibLoop>()),
      alive_(std::make_unique<int>(0)),
      inbox_(std::make_unique<DatagramQueue>()) {}

Result<IceAgent> IceAgent::create(IceSettings settings) {
    IceAgent agent(std::move(settings));
    const auto begun = agent.begin(0);
    if (!begun) return Failure(begun.error());
    return agent;
}

IceAgent::~IceAgent() {
    if (!loop_) return;  // moved from
    for (auto* session : {&fading_, &path_, &next_}) session->reset();
    loop_->run_until_zero(*alive_, farewell_milliseconds);
}

Result<void> IceAgent::begin(std::uint16_t generation) {
    auto session = IceSession::create(settings_, loop_->get(), generation, *inbox_, *alive_);
    if (!session) return Failure(session.error());
    if (next_) counts_.refused_candidates += next_->refused_candidates();
    next_ = std::move(*session);
    return {};
}

Result<void> IceAgent::gather() {
    if (gathering_) return Failure(Error::wrong_state);
    gathering_ = true;
    const auto gathers = next_->gather();
    if (!gathers) return gathers;
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

std::optional<IceEvent> IceAgent::poll() {
    loop_->run();
    for (auto* session : {&path_, &next_}) {
        if (*session) hear(**session);
    }
    if (next_ && next_->connected()) promote();
    if (fading_ && path_->received() > 0) fading_.reset();
    if (events_.empty()) return std::nullopt;
    IceEvent event = std::move(events_.front());
    events_.pop_front();
    return event;
}

void IceAgent::hear(IceSession& session) {
    const IceSession::News news = session.take_news();
    if (news.candidates || news.gathered) {
        const IceDescription ours = session.local();
        std::array<std::byte, max_ice_description> room;
        const auto size = write_ice_description(ours, room);
        if (size && ours.count > 0 && news.candidates) events_.push_back(IceRoute{to_buffer(Bytes(room).first(*size))});
        if (news.gathered && ours.count == 0) {
            events_.push_back(IceFailed{IceFailure::no_candidates, session.generation()});
        }
    }
    if (news.connected) events_.push_back(IceConnected{session.relayed(), session.generation()});
    if (news.lost) events_.push_back(IceFailed{IceFailure::lost, session.generation()});
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
