// TURN over TLS (RFC 8656 §3.1): libnice speaks TCP to a port of this device, and this carries it to the relay inside
// TLS. The relay's certificate must be its name's, by an authority that we trust. Runs in a GlibLoop.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "transport/net/glib_loop.h"
#include "transport/net/relay_server.h"
#include "transport/net/udp_socket.h"

struct _GSource;
struct ssl_ctx_st;

namespace sotto::transport::net {

class TlsPipe;

class TlsTunnel {
  public:
    // Listens on loopback; looks up and connects to the relay only when somebody connects there.
    // `local_address`: as in IceSettings. Errors: unavailable (no port, or no
    // authorities), invalid_argument (local_address).
    static Result<std::unique_ptr<TlsTunnel>> open(const RelayServer& relay, const std::string& local_address,
                                                   const GlibLoop& loop);
    TlsTunnel(const TlsTunnel&) = delete;
    TlsTunnel& operator=(const TlsTunnel&) = delete;
    ~TlsTunnel();

    // What to give libnice in place of the relay.
    RelayServer entrance() const;
    // The relay is not who it should be: its certificate was refused.
    bool distrusted() const { return distrusted_; }

  private:
    friend class TlsPipe;
    struct FreeContext {
        void operator()(ssl_ctx_st* context) const;
    };
    TlsTunnel(const RelayServer& relay, std::string local_address, const GlibLoop& loop);
    Result<void> listen();
    void accept();

    RelayServer relay_;
    std::string local_address_;
    _GMainContext* loop_;
    std::unique_ptr<ssl_ctx_st, FreeContext> context_;
    Descriptor listener_;
    std::uint16_t port_ = 0;
    _GSource* source_ = nullptr;
    std::vector<std::shared_ptr<TlsPipe>> pipes_;
    bool distrusted_ = false;
};

}  // namespace sotto::transport::net
