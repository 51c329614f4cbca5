// A TURN server (RFC 8656) and the credentials for it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sotto/error.h"

namespace sotto::transport::net {

enum class RelayTransport : std::uint8_t { udp, tcp, tls };

struct RelayServer {
    std::string host;  // a numeric address, or a name that is looked up when the agent gathers, not before
    std::uint16_t port = 0;
    RelayTransport transport = RelayTransport::udp;
    std::string user;
    std::string password;
    std::string authorities{};  // for TLS: a file of certificates (PEM); empty: the system's
};

struct HostAndPort {
    std::string host;        // without brackets
    std::uint16_t port = 0;  // 0: none was given
};
// "HOST[:PORT]", an IPv6 address in brackets. Error: invalid_argument.
Result<HostAndPort> parse_host_and_port(std::string_view text);

// RFC 7065 §3.1: "turn:HOST[:PORT][?transport=udp|tcp]" or "turns:HOST[:PORT][?transport=tcp]", an IPv6 address in
// brackets. Ports are 3478 and 5349 if not given. Error: invalid_argument.
Result<RelayServer> parse_relay_uri(std::string_view uri);

}  // namespace sotto::transport::net
