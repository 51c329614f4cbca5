// A way to the peer by our relay that needs no answer first: Send indications of our own (RFC 8656 §11.1) by the socket
// that has the allocation. The relay drops what goes to a peer without a permission.
#pragma once

#include <sys/socket.h>

#include "sotto/bytes.h"
#include "transport/ice_description.h"

namespace sotto::transport::net {

class EarlyWay {
  public:
    // `socket` is another's, and outlives this; its relay speaks UDP.
    EarlyWay(int socket, const sockaddr_storage& relay, const IceCandidate& peer)
        : socket_(socket), relay_(relay), peer_(peer) {}

    // False: there was no room for it.
    bool send(Bytes datagram) const;

  private:
    int socket_;
    sockaddr_storage relay_;
    IceCandidate peer_;
};

}  // namespace sotto::transport::net
