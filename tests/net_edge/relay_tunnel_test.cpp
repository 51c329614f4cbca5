// The entrance to a relay over TCP, where the system is short of descriptors.
#include "transport/net/relay_tunnel.h"

#include <doctest/doctest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "interop/child_process.h"
#include "support/relay.h"

using namespace sotto;
using namespace sotto::transport::net;

namespace {

// While it lives nobody gets a new descriptor.
class NoDescriptors {
  public:
    NoDescriptors() {
        ::getrlimit(RLIMIT_NOFILE, &before_);
        const int lowest = ::dup(0);
        ::close(lowest);
        const rlimit none{.rlim_cur = static_cast<rlim_t>(lowest), .rlim_max = before_.rlim_max};
        ::setrlimit(RLIMIT_NOFILE, &none);
    }
    NoDescriptors(const NoDescriptors&) = delete;
    NoDescriptors& operator=(const NoDescriptors&) = delete;
    ~NoDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

  private:
    rlimit before_{};
};

void turn(GlibLoop& loop) {
    std::vector<pollfd> descriptors;
    const int wait = loop.add_descriptors(descriptors);
    ::poll(descriptors.data(), descriptors.size(), wait < 0 || wait > 50 ? 50 : wait);
    loop.run();
}

}  // namespace

TEST_CASE("a connection for which no descriptor is left keeps no processor busy, and is served once there is one") {
    GlibLoop loop;
    const RelayServer relay{
        .host = "127.0.0.1", .port = test::free_port(), .transport = RelayTransport::tcp, .user = {}, .password = {}};
    const auto tunnel = RelayTunnel::open(relay, "", loop);
    REQUIRE(tunnel);
    const Descriptor client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in entrance{};
    entrance.sin_family = AF_INET;
    entrance.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    entrance.sin_port = htons((*tunnel)->entrance().port);
    int turns = 0;
    {
        const NoDescriptors none;
        REQUIRE(::connect(client.get(), reinterpret_cast<const sockaddr*>(&entrance), sizeof(entrance)) == 0);
        const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(500);
        for (; std::chrono::steady_clock::now() < end; ++turns) turn(loop);
    }
    CHECK(turns < 100);  // 10 looks, and what GLib does besides
    // Nobody is at the relay's port, so whoever is served is told the end.
    pollfd over{.fd = client.get(), .events = POLLIN, .revents = 0};
    for (const test::Deadline deadline(std::chrono::seconds(60)); ::poll(&over, 1, 0) == 0;) {
        REQUIRE_FALSE(deadline.passed());
        turn(loop);
    }
    CHECK((*tunnel)->unreachable());
}
