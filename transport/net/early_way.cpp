#include "transport/net/early_way.h"

#include <netinet/in.h>
#include <unistd.h>

#include <algorithm>

#include "transport/net/early_words.h"
#include "transport/net/ice_candidates.h"
#include "transport/send_indication.h"

namespace sotto::transport::net {

EarlyWay::EarlyWay(const RelayServer& relay, int socket, const sockaddr_storage& address, _GMainContext* context)
    : relay_(relay), socket_(socket), address_(address), listener_(std::make_unique<EarlyListener>(socket, context)) {}

bool EarlyWay::leads_to(const IceCandidate& candidate) const { return answers().relayed() == address_of(candidate); }

bool EarlyWay::permit(const IpAddress& peer) {
    if (std::ranges::find(permitted_, peer) != permitted_.end()) return true;
    const auto& challenge = answers().challenge();
    if (!challenge) return false;
    std::array<std::byte, 2048> room;
    const std::size_t size = write_permission(relay_, *challenge, peer, room);
    if (size == 0 || !pass(Bytes(room).first(size))) return false;
    permitted_.push_back(peer);
    return true;
}

bool EarlyWay::send(const RelayedAddress& peer, Bytes datagram) const {
    StunTransaction transaction;
    if (getentropy(transaction.data(), transaction.size()) != 0) return false;
    std::array<std::byte, 2048> room;
    const auto size = write_send_indication(peer.address, peer.port, datagram, transaction, room);
    return size && pass(Bytes(room).first(*size));
}

bool EarlyWay::pass(Bytes message) const {
    if (tunnel_ != nullptr) return tunnel_->send(message);
    const socklen_t address_size = address_.ss_family == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
    const auto* const to = reinterpret_cast<const sockaddr*>(&address_);
    return ::sendto(socket_, message.data(), message.size(), MSG_DONTWAIT | MSG_NOSIGNAL, to, address_size) >= 0;
}

}  // namespace sotto::transport::net
