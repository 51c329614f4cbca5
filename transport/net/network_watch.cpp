#include "transport/net/network_watch.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <memory>

namespace sotto::transport::net {
namespace {

std::string numeric(const sockaddr* address, socklen_t size) {
    std::array<char, NI_MAXHOST> host{};
    if (getnameinfo(address, size, host.data(), host.size(), nullptr, 0, NI_NUMERICHOST) != 0) return {};
    return host.data();
}

// Every address that could carry media, with its interface: as text, to be compared.
std::string addresses() {
    ifaddrs* list = nullptr;
    if (getifaddrs(&list) != 0) return {};
    const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> owner(list, freeifaddrs);
    std::string all;
    for (const ifaddrs* item = list; item != nullptr; item = item->ifa_next) {
        // Not IFF_RUNNING: the kernel tells of it up to a second later, when media have found their way already.
        if ((item->ifa_flags & IFF_UP) == 0 || (item->ifa_flags & IFF_LOOPBACK) != 0 || item->ifa_addr == nullptr)
            continue;
        const auto family = item->ifa_addr->sa_family;
        if (family != AF_INET && family != AF_INET6) continue;
        // Link-local ones come a second after the others and carry nothing beyond their link.
        const auto* const v6 = reinterpret_cast<const sockaddr_in6*>(item->ifa_addr);
        if (family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&v6->sin6_addr)) continue;
        const socklen_t size = family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
        all.append(item->ifa_name).append("=").append(numeric(item->ifa_addr, size)).append(" ");
    }
    return all;
}

// Where the default route would send from. Connecting a UDP socket sends nothing; the addresses are those of
// documentation (RFC 5737, RFC 3849).
template <class Address>
std::string source_towards(const Address& there) {
    const Descriptor fd(::socket(reinterpret_cast<const sockaddr&>(there).sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!fd || ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&there), sizeof(there)) != 0) return {};
    Address here{};
    socklen_t size = sizeof(here);
    if (::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&here), &size) != 0) return {};
    return numeric(reinterpret_cast<const sockaddr*>(&here), size);
}

std::string state() {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(9);
    inet_pton(AF_INET, "192.0.2.1", &v4.sin_addr);
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(9);
    inet_pton(AF_INET6, "2001:db8::1", &v6.sin6_addr);
    return addresses() + "from " + source_towards(v4) + " " + source_towards(v6);
}

}  // namespace

NetworkWatch::NetworkWatch(Descriptor&& fd) : fd_(std::move(fd)), known_(state()) {}

Result<NetworkWatch> NetworkWatch::open() {
    Descriptor fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE));
    sockaddr_nl wanted{};
    wanted.nl_family = AF_NETLINK;
    wanted.nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE;
    if (!fd || ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&wanted), sizeof(wanted)) != 0) {
        return Failure(Error::unavailable);
    }
    return NetworkWatch(std::move(fd));
}

// The messages only say that it is worth looking: IPv6 addresses are announced again and again without a change.
bool NetworkWatch::changed() {
    std::array<char, 8192> room;
    bool told = false;
    for (;;) {
        const ssize_t size = ::recv(fd_.get(), room.data(), room.size(), 0);
        const bool missed = size < 0 && errno == ENOBUFS;  // too many to keep
        if (size <= 0 && !missed) break;
        told = true;
    }
    if (!told) return false;
    std::string now = state();
    if (now == known_) return false;
    known_ = std::move(now);
    return true;
}

}  // namespace sotto::transport::net
