#include "transport/net/glib_loop.h"

#include <glib.h>

#include <array>
#include <span>

namespace sotto::transport::net {
namespace {

constexpr int iterations_a_run = 32;  // so that a flood can't keep the client from its other work

int on_time_out(void* over) {
    *static_cast<bool*>(over) = true;
    return G_SOURCE_CONTINUE;
}

}  // namespace

void GlibLoop::Unref::operator()(GMainContext* context) const { g_main_context_unref(context); }

// Nobody owns it while we wait: without the flag another thread's word, such as a name's address, would not wake us.
GlibLoop::GlibLoop() : context_(g_main_context_new_with_flags(G_MAIN_CONTEXT_FLAGS_OWNERLESS_POLLING)) {}

int GlibLoop::add_descriptors(std::vector<pollfd>& to) const {
    GMainContext* const context = context_.get();
    if (!g_main_context_acquire(context)) return -1;  // only we iterate it
    int priority = 0;
    const bool ready = g_main_context_prepare(context, &priority) != 0;
    int milliseconds = -1;
    const auto query = [&](std::span<GPollFD> room) {
        const auto size = static_cast<int>(room.size());
        return static_cast<std::size_t>(
            g_main_context_query(context, G_PRIORITY_LOW, &milliseconds, room.data(), size));
    };
    std::array<GPollFD, 64> room{};
    std::vector<GPollFD> more;  // libnice has a socket for each of a device's addresses, in each generation
    std::span<GPollFD> waits(room);
    if (const std::size_t count = query(waits); count <= room.size()) {
        waits = waits.first(count);
    } else {
        more.resize(count);
        waits = more;
        query(waits);
    }
    g_main_context_release(context);
    for (const GPollFD& wait : waits) {
        to.push_back({.fd = wait.fd, .events = static_cast<short>(wait.events), .revents = 0});
    }
    return ready ? 0 : milliseconds;
}

void GlibLoop::run() {
    for (int i = 0; i < iterations_a_run && g_main_context_iteration(context_.get(), FALSE) != 0; ++i) {
    }
}

void GlibLoop::run_until_zero(const int& done, int milliseconds) {
    bool over = false;
    GSource* const timer = g_timeout_source_new(static_cast<unsigned>(milliseconds));
    g_source_set_callback(timer, on_time_out, &over, nullptr);
    g_source_attach(timer, context_.get());
    while (done != 0 && !over) g_main_context_iteration(context_.get(), TRUE);
    g_source_destroy(timer);
    g_source_unref(timer);
}

}  // namespace sotto::transport::net
