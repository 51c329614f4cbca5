// What the client's loop waits on is what GLib would wait on.
#include "transport/net/glib_loop.h"

#include <doctest/doctest.h>
#include <glib-unix.h>
#include <sys/eventfd.h>

#include <algorithm>

#include "transport/net/udp_socket.h"

using namespace sotto::transport::net;

TEST_CASE("a client waits on every descriptor, however many there are") {
    const GlibLoop loop;
    std::vector<Descriptor> descriptors;
    for (int i = 0; i < 200; ++i) {
        descriptors.emplace_back(::eventfd(0, EFD_CLOEXEC));
        GSource* const source = g_unix_fd_source_new(descriptors.back().get(), G_IO_IN);
        g_source_attach(source, loop.get());
        g_source_unref(source);
    }
    std::vector<pollfd> waits{{.fd = -1, .events = 0, .revents = 0}};  // the client's own
    CHECK(loop.add_descriptors(waits) == -1);
    CHECK(waits.front().fd == -1);
    for (const Descriptor& descriptor : descriptors) {
        const auto waited = std::ranges::find(waits, descriptor.get(), &pollfd::fd);
        REQUIRE(waited != waits.end());
        CHECK(waited->events == POLLIN);
    }
}
