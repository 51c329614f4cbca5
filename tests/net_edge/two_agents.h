// Two ICE agents on this machine, and what happened to each: signals are carried by hand.
#pragma once

#include <doctest/doctest.h>

#include <functional>

#include "interop/child_process.h"
#include "support/relay.h"
#include "transport/net/ice_agent.h"

namespace sotto::test {

using transport::net::IceAgent;
using transport::net::IceConnected;
using transport::net::IceFailed;
using transport::net::IcePolicy;
using transport::net::IceRestarted;
using transport::net::IceRoute;
using transport::net::IceSettings;

struct IceSide {
    explicit IceSide(IceSettings settings) : agent(std::move(*IceAgent::create(std::move(settings)))) {}

    IceAgent agent;
    std::vector<Buffer> routes;  // ours, oldest first
    std::vector<IceConnected> connected;
    std::vector<IceFailed> failed;
    std::vector<IceRestarted> restarted;
    std::vector<Buffer> heard;
};

inline void take_events(IceSide& side, const std::function<void(Bytes)>& tell) {
    while (const auto event = side.agent.poll()) {
        if (const auto* route = std::get_if<IceRoute>(&*event)) {
            side.routes.push_back(to_buffer(route->bytes()));
            tell(route->bytes());
        }
        if (const auto* connected = std::get_if<IceConnected>(&*event)) side.connected.push_back(*connected);
        if (const auto* failed = std::get_if<IceFailed>(&*event)) side.failed.push_back(*failed);
        if (const auto* restarted = std::get_if<IceRestarted>(&*event)) side.restarted.push_back(*restarted);
    }
    while (const auto datagram = side.agent.receive()) side.heard.push_back(to_buffer(*datagram));
}

struct TwoAgents {
    TwoAgents(IceSettings settings, IceSettings other) : a(std::move(settings)), b(std::move(other)) {}

    // One turn of the client's loop, for both at once.
    void turn() {
        take_events(a, [this](Bytes route) { static_cast<void>(b.agent.set_remote(route)); });
        take_events(b, [this](Bytes route) { static_cast<void>(a.agent.set_remote(route)); });
        std::vector<pollfd> descriptors;
        const int first = a.agent.add_descriptors(descriptors);
        const int second = b.agent.add_descriptors(descriptors);
        const int soonest = first < 0 || (second >= 0 && second < first) ? second : first;
        ::poll(descriptors.data(), descriptors.size(), soonest < 0 || soonest > 50 ? 50 : soonest);
    }
    // Until it holds; false if that takes longer than any load explains.
    bool run_until(const std::function<bool()>& holds) {
        const Deadline deadline(std::chrono::seconds(60));
        while (!holds() && !deadline.passed()) turn();
        return holds();
    }
    bool gather_and_connect() {
        REQUIRE(a.agent.gather());
        REQUIRE(b.agent.gather());
        return run_until([this] { return !a.connected.empty() && !b.connected.empty(); });
    }
    // Something of each side's own reaches the other; sent until it does, for datagrams may be lost.
    bool talk(std::string_view word) {
        a.heard.clear();
        b.heard.clear();
        const std::string from_a = "a says " + std::string(word);
        const std::string from_b = "b says " + std::string(word);
        const auto has = [](const IceSide& side, const std::string& text) {
            return std::ranges::find(side.heard, to_buffer(as_bytes(text))) != side.heard.end();
        };
        return run_until([&] {
            static_cast<void>(a.agent.send(as_bytes(from_a)));
            static_cast<void>(b.agent.send(as_bytes(from_b)));
            return has(b, from_a) && has(a, from_b);
        });
    }

    IceSide a, b;
};

// Both sides' settings, by what differs between tests.
inline TwoAgents two_agents(const IceSettings& settings) {
    IceSettings controlling = settings;
    controlling.controlling = true;
    return {controlling, settings};
}

}  // namespace sotto::test
