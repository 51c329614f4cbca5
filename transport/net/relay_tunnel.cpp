#include "transport/net/relay_tunnel.h"

#include <glib-unix.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>

#include "transport/net/relay_pipe.h"

namespace sotto::transport::net {
namespace {

constexpr std::size_t max_pipes = 8;    // two sessions have at most two each; whoever else connects here gets none
constexpr unsigned accept_pause = 100;  // ms

}  // namespace

void RelayTunnel::FreeContext::operator()(SSL_CTX* context) const { SSL_CTX_free(context); }

RelayTunnel::RelayTunnel(const RelayServer& relay, std::string local_address, const GlibLoop& loop)
    : relay_(relay), local_address_(std::move(local_address)), loop_(loop.get()) {}

RelayTunnel::~RelayTunnel() {
    if (source_ == nullptr) return;
    g_source_destroy(source_);
    g_source_unref(source_);
}

Result<std::unique_ptr<RelayTunnel>> RelayTunnel::open(const RelayServer& relay, const std::string& local_address,
                                                       const GlibLoop& loop) {
    if (!local_address.empty() && !g_hostname_is_ip_address(local_address.c_str())) {
        return Failure(Error::invalid_argument);
    }
    std::unique_ptr<RelayTunnel> made(new RelayTunnel(relay, local_address, loop));
    if (relay.transport == RelayTransport::tls) {
        const auto prepared = made->prepare_tls();
        if (!prepared) return Failure(prepared.error());
    }
    const auto listening = made->listen();
    if (!listening) return Failure(listening.error());
    return made;
}

Result<void> RelayTunnel::prepare_tls() {
    context_.reset(SSL_CTX_new(TLS_client_method()));
    SSL_CTX* const context = context_.get();
    if (context == nullptr) return Failure(Error::unavailable);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    constexpr std::array<unsigned char, 10> protocol{9, 's', 't', 'u', 'n', '.', 't', 'u', 'r', 'n'};  // RFC 7443 §5
    SSL_CTX_set_alpn_protos(context, protocol.data(), protocol.size());
    const int trusted = relay_.authorities.empty() ? SSL_CTX_set_default_verify_paths(context)
                                                   : SSL_CTX_load_verify_file(context, relay_.authorities.c_str());
    return trusted == 1 ? Result<void>{} : Failure(Error::unavailable);
}

Result<void> RelayTunnel::listen() {
    listener_ = Descriptor(::socket(v6() ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    sockaddr_in6 address{};  // room for both; the ports lie at the same place
    socklen_t size = sizeof(address);
    if (v6()) {
        address.sin6_family = AF_INET6;
        address.sin6_addr = in6addr_loopback;
    } else {
        auto& v4 = reinterpret_cast<sockaddr_in&>(address);
        v4.sin_family = AF_INET;
        v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        size = sizeof(v4);
    }
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    if (!listener_ || ::bind(listener_.get(), generic, size) != 0 || ::listen(listener_.get(), 4) != 0 ||
        ::getsockname(listener_.get(), generic, &size) != 0) {
        return Failure(Error::unavailable);
    }
    port_ = ntohs(address.sin6_port);
    watch(true);
    return {};
}

// Where no descriptor is left the listener stays readable: it is looked at again after a while, not in every turn.
void RelayTunnel::watch(bool at_once) {
    if (source_ != nullptr) {
        g_source_destroy(source_);
        g_source_unref(source_);
    }
    source_ = at_once ? g_unix_fd_source_new(listener_.get(), G_IO_IN) : g_timeout_source_new(accept_pause);
    const auto on_readable = +[](gint, GIOCondition, gpointer tunnel) -> gboolean {
        if (static_cast<RelayTunnel*>(tunnel)->accept()) return G_SOURCE_CONTINUE;
        static_cast<RelayTunnel*>(tunnel)->watch(false);
        return G_SOURCE_REMOVE;
    };
    const auto on_time = +[](gpointer tunnel) -> gboolean {
        static_cast<RelayTunnel*>(tunnel)->watch(true);
        return G_SOURCE_REMOVE;
    };
    g_source_set_callback(source_, at_once ? G_SOURCE_FUNC(on_readable) : G_SOURCE_FUNC(on_time), this, nullptr);
    g_source_attach(source_, loop_);
}

// Whether somebody came.
bool RelayTunnel::accept() {
    Descriptor local(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    std::erase_if(pipes_, [](const auto& pipe) { return pipe->closed(); });
    if (!local) return false;
    if (pipes_.size() == max_pipes) return true;
    unreachable_ = false;
    answers_ = {};
    asked_ = false;
    pipes_.push_back(std::make_shared<RelayPipe>(*this, std::move(local)));
    pipes_.back()->connect();
    return true;
}

bool RelayTunnel::send(Bytes message) { return !pipes_.empty() && pipes_.back()->send(message); }

std::string RelayTunnel::name() const {
    return relay_.host + " " + std::to_string(relay_.port) + " " + relay_.authorities;
}

RelayServer RelayTunnel::entrance() const {
    RelayServer entrance = relay_;
    entrance.host = v6() ? "::1" : "127.0.0.1";
    entrance.port = port_;
    entrance.transport = RelayTransport::tcp;
    return entrance;
}

}  // namespace sotto::transport::net
