// One connection of a TlsTunnel: bytes from libnice's socket into TLS to the relay, and back.
#pragma once

#include <gio/gio.h>
#include <openssl/ssl.h>

#include <array>
#include <memory>

#include "sotto/bytes.h"
#include "transport/net/tls_tunnel.h"

namespace sotto::transport::net {

class TlsPipe : public std::enable_shared_from_this<TlsPipe> {
  public:
    TlsPipe(TlsTunnel& tunnel, Descriptor&& local);
    TlsPipe(const TlsPipe&) = delete;
    TlsPipe& operator=(const TlsPipe&) = delete;
    ~TlsPipe();

    // Looks the relay up and connects to it.
    void connect();
    bool closed() const { return closed_; }

  private:
    struct Source;
    // What waits in one direction.
    struct Held {
        std::array<std::byte, 16384> room;
        std::size_t begin = 0, end = 0;
        Bytes bytes() const { return Bytes(room).subspan(begin, end - begin); }
        bool empty() const { return begin == end; }
        void taken(std::size_t count) {
            begin += count;
            if (begin == end) begin = end = 0;
        }
    };
    static void on_connected(GObject* client, GAsyncResult* result, gpointer pipe);
    bool begin_tls();
    void watch();
    void pump();
    bool move_up();
    bool move_down();
    bool went_on(int result);

    TlsTunnel* tunnel_;
    Descriptor local_;
    GSocketConnection* connection_ = nullptr;
    GCancellable* cancel_;
    std::unique_ptr<SSL, void (*)(SSL*)> tls_{nullptr, SSL_free};
    GSource* source_ = nullptr;
    gpointer local_tag_ = nullptr;
    gpointer remote_tag_ = nullptr;
    Held up_, down_;
    bool wants_write_ = false;
    bool closed_ = false;
};

}  // namespace sotto::transport::net
