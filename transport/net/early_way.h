// A way to the peer by our relay that needs no answer first: Send indications of our own (RFC 8656 §11.1) by the socket
// or connection that has the allocation. The relay drops what goes to a peer without a permission.
#pragma once

#include <sys/socket.h>

#include "sotto/bytes.h"
#include "transport/ice_description.h"
#include "transport/net/relay_tunnel.h"

namespace sotto::transport::net {

class EarlyWay {
  public:
    // By UDP: `socket` is another's, and outlives this.
    EarlyWay(int socket, const sockaddr_storage& relay) : socket_(socket), relay_(relay) {}
    // By TCP or TLS: `tunnel` outlives this.
    explicit EarlyWay(RelayTunnel& tunnel) : tunnel_(&tunnel) {}

    // False: there was no room for it.
    bool send(const IceCandidate& peer, Bytes datagram) const;

  private:
    RelayTunnel* tunnel_ = nullptr;  // or
    int socket_ = -1;
    sockaddr_storage relay_{};
};

}  // namespace sotto::transport::net
