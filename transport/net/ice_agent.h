// The way to the peer: ICE (RFC 8445) with consent (RFC 7675) and, unless both people chose otherwise, relayed
// candidates alone (RFC 8656). Without a thread: the client waits on its descriptors and polls it.
//
// A restart (RFC 8445 §9) is a new generation beside the old one: media take the old path until the new one is there.
// Both sides may begin one, at the same time too: the same number is the same generation.
#pragma once

#include <poll.h>

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "sotto/bytes.h"
#include "sotto/error.h"
#include "transport/net/glib_loop.h"
#include "transport/net/ice_session.h"
#include "transport/net/relay_tunnel.h"

namespace sotto::transport::net {

struct IceRoute {  // ours, for Call::set_route(): replaces what was given before
    std::array<std::byte, max_ice_description> room{};
    std::size_t size = 0;
    Bytes bytes() const { return Bytes(room).first(size); }
};
struct IceRestarted {  // by us or by the peer
    std::uint16_t generation = 0;
};
struct IceConnected {
    bool relayed = false;
    std::uint16_t generation = 0;
};
enum class IceFailure : std::uint8_t {
    no_candidates,  // no relay gave an address (it refused us, or is not there), and there is no other
    distrusted,     // a relay's certificate is not its own, or nobody trusted vouches for it
    lost,           // the peer answers no more, or never did: restart() may help
};
struct IceFailed {
    IceFailure why;
    std::uint16_t generation = 0;
    bool silent = false;  // no_candidates, and nobody said no: restart() may help
};
using IceEvent = std::variant<IceRoute, IceRestarted, IceConnected, IceFailed>;

struct IceCounts {
    std::uint64_t refused_candidates = 0;  // the peer's, of a type that relay mode doesn't take
    std::uint64_t send_drops = 0;
    std::uint64_t receive_drops = 0;
};

class IceAgent {
  public:
    // Touches no network. Errors: invalid_argument (relay mode without a relay, local_address), unavailable (TLS: no
    // port of our own, no authorities).
    static Result<IceAgent> create(IceSettings settings);
    IceAgent(IceAgent&&) noexcept = default;
    IceAgent& operator=(IceAgent&&) = delete;
    // Tells the relay that it is free; waits for its word 200 ms at most. What is left then, sockets too, goes while
    // later agents are polled.
    ~IceAgent();

    // Before gather(): what sessions() gave in an earlier call, so that a relay over TLS is there a round trip sooner.
    // What is of no use is left out. `now`: the wall clock, since 1970.
    void offer_sessions(Bytes kept, std::chrono::seconds now);
    // What the next call may offer: a secret, good for two hours at most. Empty: there is nothing.
    SecretBuffer sessions() const;
    // The first packet leaves, not before. Errors: wrong_state (gathers already), unavailable.
    Result<void> gather();
    // The peer's route, in any order and as often as it comes. One of a later generation restarts us too. Errors:
    // those of parse_ice_description(), outdated (of an earlier generation), unavailable.
    Result<void> set_remote(Bytes route);
    // What is known of our own route by now, if only the credentials: a peer that has these can answer our checks.
    IceRoute route() const;
    // A new generation: after the network changed, or when the path is silent. Errors: wrong_state (gather() first),
    // unavailable, key_exhausted (2^16 generations).
    Result<void> restart();

    // What happened; nothing for now. Does libnice's work.
    std::optional<IceEvent> poll();
    // By the newest path that works. Error: wrong_state (none yet). What finds no room is lost and counted.
    Result<void> send(Bytes datagram);
    // The next one, by any path; valid until poll(), which brings them.
    std::optional<Bytes> receive() { return inbox_->pop(); }

    // Datagrams go out (IceSession::ready()); IceConnected may follow.
    bool connected() const { return path_ && path_->ready(); }
    IceCounts counts() const;

    // For the client's loop: what wakes it, and in how many milliseconds at the latest (-1: nothing planned).
    int add_descriptors(std::vector<pollfd>& to) const { return loop_->add_descriptors(to); }

  private:
    explicit IceAgent(IceSettings settings);
    Result<void> open_tunnels();
    Result<void> begin(std::uint16_t generation);
    Result<void> restart(std::uint16_t generation);
    std::uint16_t newest_generation() const;
    void hear(IceSession& session);
    bool hopeless() const;
    void promote();

    IceSettings settings_;
    std::unique_ptr<GlibLoop> loop_;
    std::vector<std::unique_ptr<RelayTunnel>> tunnels_;
    bool distrust_told_ = false;
    bool hopeless_told_ = false;  // of this generation
    std::unique_ptr<int> alive_;
    std::unique_ptr<DatagramQueue> inbox_;
    std::unique_ptr<IceSession> fading_;   // the path before: until the first datagram by the new one
    std::unique_ptr<IceSession> path_;     // what media take
    std::unique_ptr<IceSession> next_;     // not connected yet
    std::optional<IceDescription> early_;  // came before gather()
    bool gathering_ = false;
    std::deque<IceEvent> events_;
    IceCounts counts_;  // of sessions that are gone
};

}  // namespace sotto::transport::net
