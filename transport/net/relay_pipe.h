// One connection of a RelayTunnel: bytes from libnice's socket to the relay, inside TLS or not, and back.
#pragma once

#include <gio/gio.h>
#include <openssl/ssl.h>

#include <array>
#include <memory>

#include "sotto/bytes.h"
#include "transport/net/relay_tunnel.h"
#include "transport/turn_stream.h"

namespace sotto::transport::net {

class RelayPipe : public std::enable_shared_from_this<RelayPipe> {
  public:
    RelayPipe(RelayTunnel& tunnel, Descriptor&& local);
    RelayPipe(const RelayPipe&) = delete;
    RelayPipe& operator=(const RelayPipe&) = delete;
    ~RelayPipe();

    // Looks the relay up and connects to it.
    void connect();
    bool closed() const { return closed_; }
    // A whole message between two of libnice's. False: the connection is not there yet, or has other work.
    bool send(Bytes message);

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
    bool begin();
    bool begin_tls(GSocket* socket);
    void note_session();
    void watch();
    void pump();
    bool move_up();
    void note_request(Bytes bytes);
    bool is_newest() const;
    bool move_down();
    // Bytes that went or came; none: it has to wait, or is closed.
    std::size_t write_remote(Bytes bytes);
    std::size_t read_remote(MutableBytes bytes);
    std::size_t went_on(ssize_t result, bool writing);

    RelayTunnel* tunnel_;
    Descriptor local_;
    GSocketConnection* connection_ = nullptr;
    GCancellable* cancel_;
    std::unique_ptr<SSL, void (*)(SSL*)> tls_{nullptr, SSL_free};  // none: plain TCP
    int remote_ = -1;                                              // the connection's
    GSource* source_ = nullptr;
    gpointer local_tag_ = nullptr;
    gpointer remote_tag_ = nullptr;
    Held up_, down_;
    TurnStream sent_;
    bool wants_write_ = false;
    bool noted_ = false;  // TLS: the handshake is over
    bool closed_ = false;
};

}  // namespace sotto::transport::net
