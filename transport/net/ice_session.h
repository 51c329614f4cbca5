// One generation of ICE (RFC 8445) between two sides, by libnice: the only file that knows it. An ICE restart makes a
// new one beside it, so that media flow until the new one is there.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sotto/error.h"
#include "transport/early_media.h"
#include "transport/ice_description.h"
#include "transport/net/datagram_queue.h"
#include "transport/net/early_way.h"
#include "transport/net/glib_look_up.h"
#include "transport/net/relay_server.h"
#include "transport/net/relay_tunnel.h"

struct _GMainContext;
struct _NiceAgent;
struct _GSource;

namespace sotto::transport::net {

enum class IcePolicy : std::uint8_t {
    relay,   // relayed candidates alone, ours and theirs: neither side learns the other's address
    direct,  // all of them; only if both people chose it
};

struct IceSettings {
    IcePolicy policy = IcePolicy::relay;
    std::vector<RelayServer> relays;
    bool controlling = false;   // RFC 8445 §6.1.1: the caller
    std::string local_address;  // numeric; the only one used. Empty: what the system routes by (relay), all (direct)
};

class IceSession {
  public:
    using Tunnels = std::vector<RelayTunnel*>;
    // Sends nothing yet. `settings` name the tunnels' entrances in place of what is behind them; `inbox` takes what
    // comes in; `alive` counts libnice's agents, this one's too, until the relay has taken back what it gave. All of
    // them but `settings` outlive the session. Errors: invalid_argument (local_address, no relay in relay mode),
    // unavailable.
    static Result<std::unique_ptr<IceSession>> create(const IceSettings& settings, _GMainContext* context,
                                                      std::uint16_t generation, Tunnels tunnels, DatagramQueue& inbox,
                                                      int& alive);
    IceSession(const IceSession&) = delete;
    IceSession& operator=(const IceSession&) = delete;
    ~IceSession();

    // From here on packets leave. Error: unavailable (no socket).
    Result<void> gather();
    // Adds candidates that are new; in relay mode others than relayed ones are left out and counted.
    Result<void> set_remote(const IceDescription& description);
    // Lost without a word while it isn't ready. False: there was no room for it.
    bool send(Bytes datagram);

    std::uint16_t generation() const { return generation_; }
    // In relay mode with relayed candidates alone; as many as fit.
    IceDescription local() const;
    bool relayed() const;  // the media pass a relay
    bool connected() const { return connected_; }
    // Datagrams go out: it is connected or, by a relay, a check of the peer's has come from the only host that it
    // named. Not more than EarlyMedia lets before it is connected: that is not yet consent by RFC 7675.
    bool ready() const { return connected_ || (early_ && early_media_.allowed()); }
    bool gathered() const { return gathered_; }
    // No relay said no, though none may have given an address: they are slow, or what they were asked was lost.
    bool relays_silent() const;
    std::uint64_t received() const { return received_; }
    std::uint64_t refused_candidates() const { return refused_candidates_; }

    // What happened since the last time it was asked for.
    struct News {
        bool candidates = false;  // local() changed
        bool gathered = false;
        bool connected = false;
        bool lost = false;  // nobody answers there any more (RFC 7675), or no pair works
    };
    News take_news();

  private:
    struct Signals;  // libnice's callbacks
    IceSession(_NiceAgent* agent, _GMainContext* context, const IceSettings& settings, std::uint16_t generation,
               Tunnels tunnels, DatagramQueue& inbox, int& alive);
    Result<void> begin(const IceSettings& settings);
    void open_early_way();
    void add_early_way(const RelayServer& relay);
    void add_early_way(const RelayServer& relay, const std::string& numeric);
    void permit_own_relay();
    bool permit_early(const IpAddress& peer);
    void plan_early_check();
    void check_early(const RelayedAddress& to);
    void check_back();
    bool send_early(Bytes datagram);

    _NiceAgent* agent_;
    _GMainContext* context_;
    unsigned stream_;
    IcePolicy policy_;
    bool controlling_;
    std::uint16_t generation_;
    DatagramQueue& inbox_;
    IceFragment fragment_{};
    IcePassword password_{};
    IceFragment remote_fragment_{};
    IcePassword remote_password_{};
    std::uint64_t tie_breaker_ = 0;     // of the early check
    std::vector<IceCandidate> remote_;  // known to libnice
    News news_;
    bool gathered_ = false;
    bool connected_ = false;
    EarlyMedia early_media_;
    std::optional<RelayedAddress> unnamed_;  // where a check of the peer's came from; it was not answered by one yet
    Tunnels tunnels_;
    std::vector<RelayServer> relays_;
    std::list<GlibLookUp> look_ups_;
    int& alive_;
    std::vector<EarlyWay> early_ways_;  // by each relay that may have an allocation of ours: which has, is not told
    bool early_ = false;                // they are in use
    _GSource* early_check_ = nullptr;   // the newest: due soon, or the last
    int early_checks_left_;
    std::uint64_t received_ = 0;
    std::uint64_t refused_candidates_ = 0;
};

}  // namespace sotto::transport::net
