#include "apps/sotto/broker_address.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

#include "transport/net/relay_server.h"
#include "transport/net/udp_socket.h"

namespace sotto::app {
namespace {

constexpr std::uint16_t tls_port = 8883, plain_port = 1883;  // IANA's
constexpr std::size_t max_password = 1024;

// RFC 1122 §3.2.1.3, RFC 4291 §2.5.3.
bool is_loopback(const sockaddr* address) {
    if (address->sa_family == AF_INET) {
        return ntohl(reinterpret_cast<const sockaddr_in*>(address)->sin_addr.s_addr) >> 24 == 127;
    }
    return address->sa_family == AF_INET6 &&
           IN6_IS_ADDR_LOOPBACK(&reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr);
}

bool names_loopback(const std::string& host) {
    in_addr v4{};
    if (::inet_pton(AF_INET, host.c_str(), &v4) == 1) return ntohl(v4.s_addr) >> 24 == 127;
    return host == "::1" || host == "localhost";
}

}  // namespace

Expected<BrokerAddress> parse_broker(std::string_view uri) {
    BrokerAddress broker;
    std::string_view rest = uri;
    if (uri.starts_with("mqtts://")) {
        rest.remove_prefix(8);
    } else if (uri.starts_with("mqtt://")) {
        rest.remove_prefix(7);
        broker.tls = false;
    }
    auto at = transport::net::parse_host_and_port(rest);
    if (rest.size() == uri.size() || !at) {
        return std::unexpected("a broker is mqtts://HOST[:PORT], not: " + std::string(uri));
    }
    broker.host = std::move(at->host);
    broker.port = at->port != 0 ? at->port : broker.tls ? tls_port : plain_port;
    if (!broker.tls && !names_loopback(broker.host)) {
        return std::unexpected("mqtt:// would send the password in the clear to " + broker.host +
                               ": it is for brokers on this machine, mqtts:// for all others");
    }
    return broker;
}

Expected<std::vector<std::string>> resolve(const BrokerAddress& broker) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* list = nullptr;
    const int failed = ::getaddrinfo(broker.host.c_str(), nullptr, &hints, &list);
    if (failed != 0) return std::unexpected("no address of " + broker.host + ": " + ::gai_strerror(failed));
    const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(list, ::freeaddrinfo);
    std::vector<std::string> addresses;
    for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
        if (!broker.tls && !is_loopback(entry->ai_addr)) continue;
        std::array<char, NI_MAXHOST> text{};
        if (::getnameinfo(entry->ai_addr, entry->ai_addrlen, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST) != 0)
            continue;
        if (std::ranges::find(addresses, text.data()) == addresses.end()) addresses.emplace_back(text.data());
    }
    if (addresses.empty()) return std::unexpected("no address of " + broker.host + " can be used");
    return addresses;
}

Expected<SecretBuffer> read_password(const std::string& path) {
    const transport::net::Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) return std::unexpected("cannot read the password in " + path + ": " + std::strerror(errno));
    SecretBuffer room(max_password);
    const auto size = ::read(fd.get(), room.fill().data(), room.size());
    const Bytes text = room.reveal().first(static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
    const auto end = std::ranges::find(text, std::byte{'\n'});
    const auto length = static_cast<std::size_t>(end - text.begin());
    if (length == 0 || length == max_password) return std::unexpected(path + " holds no password");
    SecretBuffer password(length);
    std::ranges::copy(text.first(length), password.fill().begin());
    return password;
}

}  // namespace sotto::app
