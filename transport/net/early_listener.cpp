#include "transport/net/early_listener.h"

#include <glib.h>
#include <sys/socket.h>

#include <array>
#include <span>

namespace sotto::transport::net {

// Never ready: GLib asks every source before it lets any of them work, so libnice's has not read yet.
struct EarlyListener::Source {
    GSource base;
    EarlyListener* listener;
    gpointer tag;

    static gboolean check(GSource* source) {
        const auto* const own = reinterpret_cast<Source*>(source);
        if (g_source_query_unix_fd(source, own->tag) != 0) own->listener->look();
        return FALSE;
    }
    static gboolean dispatch(GSource*, GSourceFunc, gpointer) { return G_SOURCE_CONTINUE; }
};

EarlyListener::EarlyListener(int socket, GMainContext* context) : socket_(socket) {
    static GSourceFuncs functions{nullptr, Source::check, Source::dispatch, nullptr, nullptr, nullptr};
    source_ = g_source_new(&functions, sizeof(Source));
    auto* const own = reinterpret_cast<Source*>(source_);
    own->listener = this;
    own->tag = g_source_add_unix_fd(source_, socket, G_IO_IN);
    g_source_attach(source_, context);
}

EarlyListener::~EarlyListener() {
    g_source_destroy(source_);
    g_source_unref(source_);
}

void EarlyListener::look() {
    if (answers_.relayed()) return;
    std::array<char, 2048> room;
    const ssize_t size = ::recv(socket_, room.data(), room.size(), MSG_PEEK | MSG_DONTWAIT);
    if (size > 0) answers_.take(std::as_bytes(std::span(room).first(static_cast<std::size_t>(size))));
}

}  // namespace sotto::transport::net
