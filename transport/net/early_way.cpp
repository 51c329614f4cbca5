#include "transport/net/early_way.h"

#include <netinet/in.h>
#include <unistd.h>

#include "transport/send_indication.h"

namespace sotto::transport::net {

bool EarlyWay::send(const IceCandidate& peer, Bytes datagram) const {
    StunTransaction transaction;
    if (getentropy(transaction.data(), transaction.size()) != 0) return false;
    std::array<std::byte, 2048> room;
    const auto size = write_send_indication(peer.address, peer.port, datagram, transaction, room);
    if (!size) return false;
    if (tunnel_ != nullptr) return tunnel_->send(Bytes(room).first(*size));
    const socklen_t address_size = relay_.ss_family == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
    const auto* const to = reinterpret_cast<const sockaddr*>(&relay_);
    return ::sendto(socket_, room.data(), *size, MSG_DONTWAIT | MSG_NOSIGNAL, to, address_size) >= 0;
}

}  // namespace sotto::transport::net
