// TURN over TLS or TCP (RFC 8656 §3.1): libnice speaks TCP to a port of this device, and this carries it to the relay,
// inside TLS if that is asked for; messages of ours may go between its own. The relay's certificate must be its name's,
// by an authority that we trust. Runs in a GlibLoop.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "sotto/bytes.h"
#include "transport/net/glib_loop.h"
#include "transport/net/relay_server.h"
#include "transport/net/udp_socket.h"
#include "transport/relay_answers.h"
#include "transport/relay_session.h"

struct _GSource;
struct ssl_ctx_st;

namespace sotto::transport::net {

class RelayPipe;

class RelayTunnel {
  public:
    // Listens on loopback; looks up and connects to the relay only when somebody connects there.
    // `local_address`: as in IceSettings. Errors: unavailable (no port, or no
    // authorities), invalid_argument (local_address).
    static Result<std::unique_ptr<RelayTunnel>> open(const RelayServer& relay, const std::string& local_address,
                                                     const GlibLoop& loop);
    RelayTunnel(const RelayTunnel&) = delete;
    RelayTunnel& operator=(const RelayTunnel&) = delete;
    ~RelayTunnel();

    // What to give libnice in place of the relay.
    RelayServer entrance() const;
    // One more message to the relay, by the newest connection, behind what went there before. False: there is no room
    // for it just now.
    bool send(Bytes message);
    // What the relay told by the newest connection.
    const RelayAnswers& answers() const { return answers_; }
    // libnice has asked by that connection for an address, in the way that the relay wants to be asked.
    bool asked() const { return asked_; }
    // The relay's name and port, and who vouches for it: whose a session is.
    std::string name() const;
    // TLS goes on from it if it serves when a connection is there.
    void offer(RelaySession&& session) { session_ = std::move(session); }
    // The wall clock, since 1970, by which sessions end: a little behind does no harm. Without it none is kept.
    void set_clock(std::chrono::seconds now) { now_ = now; }
    // The newest; without a secret: there is none.
    const RelaySession& session() const { return session_; }
    // Nothing answered there when it was last tried.
    bool unreachable() const { return unreachable_; }
    // The relay is not who it should be: its certificate was refused.
    bool distrusted() const { return distrusted_; }

  private:
    friend class RelayPipe;
    struct FreeContext {
        void operator()(ssl_ctx_st* context) const;
    };
    RelayTunnel(const RelayServer& relay, std::string local_address, const GlibLoop& loop);
    Result<void> prepare_tls();
    Result<void> listen();
    bool v6() const { return local_address_.contains(':') || relay_.host.contains(':'); }
    void watch(bool at_once);
    bool accept();

    RelayServer relay_;
    std::string local_address_;
    _GMainContext* loop_;
    std::unique_ptr<ssl_ctx_st, FreeContext> context_;  // none: plain TCP
    RelaySession session_;
    std::chrono::seconds now_{};
    Descriptor listener_;
    std::uint16_t port_ = 0;
    _GSource* source_ = nullptr;  // of the listener, or of when it is looked at again
    std::vector<std::shared_ptr<RelayPipe>> pipes_;
    RelayAnswers answers_;
    bool asked_ = false;
    bool unreachable_ = false;
    bool distrusted_ = false;
};

}  // namespace sotto::transport::net
