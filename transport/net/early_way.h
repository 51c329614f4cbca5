// A way to the peer by our relay that needs no answer first: Send indications of our own (RFC 8656 §11.1) by the socket
// or connection that has the allocation, and requests for permissions (§9.1), whose answers nobody waits for. The relay
// drops what goes to a peer, or comes from one, without a permission; what one side gives it, it takes in order.
#pragma once

#include <sys/socket.h>

#include <memory>
#include <vector>

#include "sotto/bytes.h"
#include "transport/ice_description.h"
#include "transport/net/early_listener.h"
#include "transport/net/relay_server.h"
#include "transport/net/relay_tunnel.h"

namespace sotto::transport::net {

class EarlyWay {
  public:
    // By UDP: `socket` is another's, and outlives this.
    EarlyWay(const RelayServer& relay, int socket, const sockaddr_storage& address, _GMainContext* context);
    // By TCP or TLS: `tunnel` outlives this.
    EarlyWay(const RelayServer& relay, RelayTunnel& tunnel) : relay_(relay), tunnel_(&tunnel) {}

    // The relay gave us `candidate` by it.
    bool leads_to(const IceCandidate& candidate) const;
    // The relay gives us none by it.
    bool refused() const { return answers().refused(); }
    // The relay is about to give an address by it: what goes there now, it takes behind the request for that.
    bool asked() const { return tunnel_ != nullptr && tunnel_->asked(); }
    // Asks for a permission for the host `peer`, once. False: what the relay wants to be asked with is not known yet.
    bool permit(const IpAddress& peer);
    // False: there was no room for it.
    bool send(const RelayedAddress& peer, Bytes datagram) const;

  private:
    const RelayAnswers& answers() const { return tunnel_ != nullptr ? tunnel_->answers() : listener_->answers(); }
    bool pass(Bytes message) const;

    RelayServer relay_;
    RelayTunnel* tunnel_ = nullptr;  // or
    int socket_ = -1;
    sockaddr_storage address_{};
    std::unique_ptr<EarlyListener> listener_;
    std::vector<IpAddress> permitted_;
};

}  // namespace sotto::transport::net
