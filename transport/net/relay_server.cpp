#include "transport/net/relay_server.h"

#include <algorithm>
#include <charconv>
#include <memory>
#include <optional>

namespace sotto::transport::net {
namespace {

// RFC 8656 §3.
constexpr std::uint16_t turn_port = 3478;
constexpr std::uint16_t turns_port = 5349;

std::optional<std::uint16_t> parse_port(std::string_view text) {
    std::uint16_t port = 0;
    const char* const end = std::to_address(text.end());
    const auto [rest, error] = std::from_chars(std::to_address(text.begin()), end, port);
    if (error != std::errc{} || rest != end || port == 0) return std::nullopt;
    return port;
}

bool is_host_char(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
           c == '_' || c == ':';
}

}  // namespace

// A colon belongs to the host only inside brackets.
Result<HostAndPort> parse_host_and_port(std::string_view text) {
    std::string_view host = text;
    std::string_view rest;
    if (text.starts_with('[')) {
        const auto end = text.find(']');
        if (end == std::string_view::npos) return Failure(Error::invalid_argument);
        host = text.substr(1, end - 1);
        rest = text.substr(end + 1);
    } else if (const auto colon = text.find(':'); colon != std::string_view::npos) {
        host = text.substr(0, colon);
        rest = text.substr(colon);
    }
    if (host.empty() || !std::ranges::all_of(host, is_host_char)) return Failure(Error::invalid_argument);
    HostAndPort parsed{.host = std::string(host)};
    if (rest.empty()) return parsed;
    const auto port = rest.starts_with(':') ? parse_port(rest.substr(1)) : std::nullopt;
    if (!port) return Failure(Error::invalid_argument);
    parsed.port = *port;
    return parsed;
}

Result<RelayServer> parse_relay_uri(std::string_view uri) {
    RelayServer server;
    server.port = turn_port;
    if (uri.starts_with("turns:")) {
        server.port = turns_port;
        server.transport = RelayTransport::tls;
        uri.remove_prefix(6);
    } else if (uri.starts_with("turn:")) {
        uri.remove_prefix(5);
    } else {
        return Failure(Error::invalid_argument);
    }
    const auto question = uri.find('?');
    if (question != std::string_view::npos) {
        const std::string_view query = uri.substr(question + 1);
        const bool secure = server.transport == RelayTransport::tls;
        if (query != "transport=tcp" && (secure || query != "transport=udp")) return Failure(Error::invalid_argument);
        if (!secure && query == "transport=tcp") server.transport = RelayTransport::tcp;
        uri = uri.substr(0, question);
    }
    auto at = parse_host_and_port(uri);
    if (!at) return Failure(at.error());
    server.host = std::move(at->host);
    if (at->port != 0) server.port = at->port;
    return server;
}

}  // namespace sotto::transport::net
