// A relay on loopback: coturn, run by the test as it is, without root.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "interop/child_process.h"
#include "support/temporary_folder.h"
#include "transport/net/relay_server.h"

namespace sotto::test {

// A port that is free for UDP and TCP on both loopback addresses, most likely.
inline std::uint16_t free_port() {
    const transport::net::Descriptor fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    if (!fd || ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0) return 0;
    if (::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
    return ntohs(address.sin_port);
}

class Relay {
  public:
    static constexpr const char* user = "sotto";
    static constexpr const char* password = "a long password";
    static constexpr const char* secret = "what only the service knows";

    enum class Credentials { fixed, by_secret };

    // Nothing if coturn is not installed.
    static std::optional<Relay> start(const std::string& host = "127.0.0.1",
                                      Credentials credentials = Credentials::fixed,
                                      const std::vector<std::string>& more = {"--no-tls", "--no-dtls"}) {
        auto folder = std::make_unique<TemporaryFolder>();
        const std::uint16_t port = free_port();
        std::vector<std::string> arguments{"turnserver",
                                           "-n",
                                           "--no-cli",
                                           "--listening-ip=" + host,
                                           "--relay-ip=" + host,
                                           "--listening-port=" + std::to_string(port),
                                           "--realm=sotto.test",
                                           "--allow-loopback-peers",
                                           "--verbose",
                                           "--no-stdout-log",
                                           "--simple-log",
                                           "--log-file=" + folder->file("log"),
                                           "--relay-threads=1",
                                           "--pidfile=" + folder->file("pid"),
                                           "--userdb=" + folder->file("turndb")};
        if (credentials == Credentials::fixed) {
            arguments.push_back("--lt-cred-mech");
            arguments.push_back(std::string("--user=") + user + ":" + password);
        } else {
            arguments.push_back("--use-auth-secret");
            arguments.push_back(std::string("--static-auth-secret=") + secret);
        }
        arguments.insert(arguments.end(), more.begin(), more.end());
        auto process = ChildProcess::start(arguments);
        if (!process) return std::nullopt;
        const Deadline deadline(std::chrono::seconds(60));
        while (process->running() && !deadline.passed() && !answers(host, port)) {
            process->listen(std::chrono::milliseconds(10));
        }
        return Relay(std::move(folder), std::move(*process), host, port);
    }

    transport::net::RelayServer server(transport::net::RelayTransport transport) const {
        return {.host = host_, .port = port_, .transport = transport, .user = user, .password = password};
    }
    std::uint16_t port() const { return port_; }
    pid_t pid() const { return process_.pid(); }
    // What it wrote so far.
    std::string log() const { return contents(folder_->file("log")); }

  private:
    // To an empty STUN Binding request (RFC 8489 §5).
    static bool answers(const std::string& host, std::uint16_t port) {
        auto socket = transport::net::UdpSocket::bind(host);
        if (!socket || !socket->connect(host + " " + std::to_string(port))) return false;
        constexpr std::array request{0x00, 0x01, 0x00, 0x00, 0x21, 0x12, 0xa4, 0x42, 1,  2,
                                     3,    4,    5,    6,    7,    8,    9,    10,   11, 12};
        std::array<std::byte, request.size()> bytes;
        std::ranges::transform(request, bytes.begin(), [](int byte) { return std::byte(byte); });
        if (!socket->send(bytes)) return false;
        pollfd wanted{.fd = socket->descriptor(), .events = POLLIN, .revents = 0};
        std::array<std::byte, 512> room;
        if (::poll(&wanted, 1, 50) != 1) return false;
        const auto heard = socket->receive(room);
        return heard && heard->has_value();
    }

    Relay(std::unique_ptr<TemporaryFolder> folder, ChildProcess&& process, std::string host, std::uint16_t port)
        : folder_(std::move(folder)), process_(std::move(process)), host_(std::move(host)), port_(port) {}

    std::unique_ptr<TemporaryFolder> folder_;
    ChildProcess process_;
    std::string host_;
    std::uint16_t port_;
};

}  // namespace sotto::test
