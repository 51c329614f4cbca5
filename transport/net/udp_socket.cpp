#include "transport/net/udp_socket.h"

#include <fcntl.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <memory>

namespace sotto::transport::net {
namespace {

struct FreeAddresses {
    void operator()(addrinfo* list) const { freeaddrinfo(list); }
};
using Addresses = std::unique_ptr<addrinfo, FreeAddresses>;

// Numeric only: resolving a name would ask a stranger's DNS server on the way.
Addresses numeric_address(const std::string& host, const std::string& port) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_DGRAM;
    hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
    addrinfo* list = nullptr;
    if (getaddrinfo(host.c_str(), port.c_str(), &hints, &list) != 0) return nullptr;
    return Addresses(list);
}

// getaddrinfo() would stop at a zero byte, and take a sign, spaces or a port over 65535 modulo 2^16.
bool is_port(std::string_view text) {
    std::uint16_t port = 0;
    const char* const end = std::to_address(text.end());
    const auto [rest, error] = std::from_chars(std::to_address(text.begin()), end, port);
    return error == std::errc{} && rest == end && port != 0;
}

bool would_block(int error) { return error == EAGAIN || error == EWOULDBLOCK; }

// RFC 8085 §5.2: ICMP errors on a connected socket are soft; the peer may come back.
bool soft(int error) { return error == ECONNREFUSED || error == EHOSTUNREACH || error == ENETUNREACH; }

}  // namespace

Descriptor::~Descriptor() {
    if (fd_ >= 0) close(fd_);
}

Result<UdpSocket> UdpSocket::bind(std::string_view address) {
    const Addresses local = numeric_address(std::string(address), "0");
    if (!local) return Failure(Error::invalid_argument);
    Descriptor fd(::socket(local->ai_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd) return Failure(Error::io_failed);
    if (::bind(fd.get(), local->ai_addr, local->ai_addrlen) != 0) return Failure(Error::unavailable);
    return UdpSocket(std::move(fd));
}

std::string UdpSocket::local_route() const {
    sockaddr_storage address{};
    socklen_t length = sizeof(address);
    if (getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address), &length) != 0) return {};
    char host[NI_MAXHOST];
    char port[NI_MAXSERV];
    if (getnameinfo(reinterpret_cast<const sockaddr*>(&address), length, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
        return {};
    }
    return std::string(host) + " " + port;
}

Result<void> UdpSocket::connect(std::string_view route) {
    const auto space = route.find(' ');
    if (space == std::string_view::npos) return Failure(Error::invalid_argument);
    const std::string_view host = route.substr(0, space);
    const std::string_view port = route.substr(space + 1);
    if (host.contains('\0') || !is_port(port)) return Failure(Error::invalid_argument);
    const Addresses peer = numeric_address(std::string(host), std::string(port));
    if (!peer) return Failure(Error::invalid_argument);
    if (::connect(fd_.get(), peer->ai_addr, peer->ai_addrlen) != 0) return Failure(Error::unavailable);
    connected_ = true;
    return {};
}

Result<void> UdpSocket::send(Bytes datagram) {
    if (!connected_) return Failure(Error::wrong_state);
    if (::send(fd_.get(), datagram.data(), datagram.size(), 0) >= 0) return {};
    if (would_block(errno) || errno == ENOBUFS || soft(errno)) {
        ++send_drops_;
        return {};
    }
    return Failure(Error::io_failed);
}

Result<std::optional<Bytes>> UdpSocket::receive(MutableBytes room) {
    for (;;) {
        const ssize_t size = ::recv(fd_.get(), room.data(), room.size(), 0);
        if (size >= 0) return Bytes(room.first(static_cast<std::size_t>(size)));
        if (would_block(errno)) return std::nullopt;
        if (errno != EINTR && !soft(errno)) return Failure(Error::io_failed);
    }
}

}  // namespace sotto::transport::net
