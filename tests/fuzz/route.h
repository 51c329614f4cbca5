// Where a connected socket really sends to, by the system's own word.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <charconv>

#include "fuzz/harness.h"
#include "transport/net/udp_socket.h"

namespace sotto::fuzz {

// The port behind the first space is written in digits, and is the one that datagrams go to.
inline bool leads_to_named_port(const transport::net::UdpSocket& socket, std::string_view route) {
    sockaddr_in6 address{};  // sin_port and sin6_port lie at the same place
    socklen_t length = sizeof(address);
    check(getpeername(socket.descriptor(), reinterpret_cast<sockaddr*>(&address), &length) == 0);
    unsigned port = 0;
    const auto parsed = std::from_chars(route.data() + route.find(' ') + 1, route.data() + route.size(), port);
    return parsed.ptr == route.data() + route.size() && port == ntohs(address.sin6_port);
}

}  // namespace sotto::fuzz
