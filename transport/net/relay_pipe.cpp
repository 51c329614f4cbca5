#include "transport/net/relay_pipe.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "transport/net/relay_resumption.h"

namespace sotto::transport::net {
namespace {

constexpr unsigned connect_seconds = 5;

bool would_block() { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

bool is_numeric(const std::string& host) { return g_hostname_is_ip_address(host.c_str()) != 0; }

}  // namespace

// A source on two descriptors: ready when either is.
struct RelayPipe::Source {
    GSource base;
    RelayPipe* pipe;

    static gboolean check(GSource* source) {
        const RelayPipe& pipe = *reinterpret_cast<Source*>(source)->pipe;
        return g_source_query_unix_fd(source, pipe.local_tag_) != 0 ||
               g_source_query_unix_fd(source, pipe.remote_tag_) != 0;
    }
    static gboolean dispatch(GSource* source, GSourceFunc, gpointer) {
        const auto pipe = reinterpret_cast<Source*>(source)->pipe->shared_from_this();
        pipe->pump();
        return pipe->closed_ ? G_SOURCE_REMOVE : G_SOURCE_CONTINUE;
    }
};

RelayPipe::RelayPipe(RelayTunnel& tunnel, Descriptor&& local)
    : tunnel_(&tunnel), local_(std::move(local)), cancel_(g_cancellable_new()) {}

RelayPipe::~RelayPipe() {
    g_cancellable_cancel(cancel_);
    g_object_unref(cancel_);
    if (source_ != nullptr) {
        g_source_destroy(source_);
        g_source_unref(source_);
    }
    tls_.reset();
    if (connection_ != nullptr) g_object_unref(connection_);
}

void RelayPipe::connect() {
    GSocketClient* const client = g_socket_client_new();
    g_socket_client_set_enable_proxy(client, FALSE);
    g_socket_client_set_timeout(client, connect_seconds);
    if (!tunnel_->local_address_.empty()) {
        GSocketAddress* const from = g_inet_socket_address_new_from_string(tunnel_->local_address_.c_str(), 0);
        g_socket_client_set_local_address(client, from);
        g_object_unref(from);
    }
    g_main_context_push_thread_default(tunnel_->loop_);
    // It may end after us: then it finds nobody.
    g_socket_client_connect_to_host_async(client, tunnel_->relay_.host.c_str(), tunnel_->relay_.port, cancel_,
                                          on_connected, new std::weak_ptr<RelayPipe>(weak_from_this()));
    g_main_context_pop_thread_default(tunnel_->loop_);
    g_object_unref(client);
}

void RelayPipe::on_connected(GObject* client, GAsyncResult* result, gpointer data) {
    const std::unique_ptr<std::weak_ptr<RelayPipe>> weak(static_cast<std::weak_ptr<RelayPipe>*>(data));
    GSocketConnection* const connection =
        g_socket_client_connect_to_host_finish(G_SOCKET_CLIENT(client), result, nullptr);
    const auto pipe = weak->lock();
    if (!pipe) {
        if (connection != nullptr) g_object_unref(connection);
        return;
    }
    pipe->connection_ = connection;
    if (pipe->is_newest()) pipe->tunnel_->unreachable_ = connection == nullptr;
    pipe->closed_ = connection == nullptr || !pipe->begin();
    if (!pipe->closed_) pipe->watch();
    if (pipe->closed_) pipe->local_ = Descriptor();
}

bool RelayPipe::begin() {
    GSocket* const socket = g_socket_connection_get_socket(connection_);
    g_socket_set_blocking(socket, FALSE);
    g_socket_set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1, nullptr);  // media must not wait for more
    const int at_once = 1;
    ::setsockopt(local_.get(), IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof(at_once));
    remote_ = g_socket_get_fd(socket);
    return !tunnel_->context_ || begin_tls(socket);
}

// RFC 6125, RFC 9325 §3: the name or address that was asked for, by a trusted authority, in TLS 1.2 or later.
bool RelayPipe::begin_tls(GSocket* socket) {
    const std::string& host = tunnel_->relay_.host;
    tls_.reset(SSL_new(tunnel_->context_.get()));
    if (!tls_ || SSL_set_fd(tls_.get(), g_socket_get_fd(socket)) != 1) return false;
    SSL_set_mode(tls_.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_set_connect_state(tls_.get());
    resume(tls_.get(), tunnel_->session_, way_of(g_socket_get_fd(socket)), tunnel_->now_);
    if (is_numeric(host)) return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls_.get()), host.c_str()) == 1;
    return SSL_set1_host(tls_.get(), host.c_str()) == 1 && SSL_set_tlsext_host_name(tls_.get(), host.c_str()) == 1;
}

// A resumed one stays what it was, and no longer: its certificate was checked then.
void RelayPipe::note_session() {
    if (noted_ || SSL_is_init_finished(tls_.get()) != 1) return;
    noted_ = true;
    if (SSL_session_reused(tls_.get()) == 1) return;
    tunnel_->session_ = session_of(tls_.get(), tunnel_->name(), way_of(remote_), tunnel_->now_);
}

void RelayPipe::watch() {
    static GSourceFuncs functions{nullptr, Source::check, Source::dispatch, nullptr, nullptr, nullptr};
    source_ = g_source_new(&functions, sizeof(Source));
    reinterpret_cast<Source*>(source_)->pipe = this;
    local_tag_ = g_source_add_unix_fd(source_, local_.get(), G_IO_IN);
    remote_tag_ = g_source_add_unix_fd(source_, remote_, G_IO_OUT);
    g_source_attach(source_, tunnel_->loop_);
}

// Moves what can be moved; then waits for what could not.
void RelayPipe::pump() {
    wants_write_ = false;
    while (!closed_) {
        const bool up = move_up();
        const bool down = !closed_ && move_down();
        if (!up && !down) break;
    }
    if (closed_) {
        local_ = Descriptor();  // libnice sees the end
        return;
    }
    const int local = (up_.empty() ? G_IO_IN : 0) | (down_.empty() ? 0 : G_IO_OUT);
    const int remote = (down_.empty() ? G_IO_IN : 0) | (wants_write_ ? G_IO_OUT : 0);
    g_source_modify_unix_fd(source_, local_tag_, static_cast<GIOCondition>(local));
    g_source_modify_unix_fd(source_, remote_tag_, static_cast<GIOCondition>(remote));
}

bool RelayPipe::move_up() {
    if (up_.empty()) {
        const ssize_t size = ::recv(local_.get(), up_.room.data(), up_.room.size(), MSG_DONTWAIT);
        if (size == 0 || (size < 0 && !would_block())) closed_ = true;
        if (size <= 0) return false;
        up_.end = static_cast<std::size_t>(size);
        note_request(up_.bytes());
        sent_.take(up_.bytes());
    }
    const std::size_t written = write_remote(up_.bytes());
    up_.taken(written);
    return written > 0;
}

// The second Allocate request (RFC 8656 §7.1): libnice asks once to learn what it has to be asked with.
void RelayPipe::note_request(Bytes bytes) {
    constexpr std::array<std::byte, 2> allocate{std::byte{0x00}, std::byte{0x03}};
    const bool begins =
        sent_.between() && std::ranges::equal(bytes.first(std::min(bytes.size(), std::size_t{2})), allocate);
    if (begins && is_newest() && tunnel_->answers_.challenge()) tunnel_->asked_ = true;
}

bool RelayPipe::is_newest() const { return tunnel_->pipes_.back().get() == this; }

bool RelayPipe::send(Bytes message) {
    if (closed_ || source_ == nullptr || !up_.empty() || !sent_.between() || message.size() > up_.room.size())
        return false;
    std::ranges::copy(message, up_.room.begin());
    up_.end = message.size();
    pump();
    return true;
}

bool RelayPipe::move_down() {
    if (down_.empty()) {
        down_.end = read_remote(down_.room);
        if (down_.empty()) return false;
        if (is_newest()) tunnel_->answers_.take(down_.bytes());
    }
    const ssize_t sent = ::send(local_.get(), down_.bytes().data(), down_.bytes().size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && !would_block()) closed_ = true;
    if (sent <= 0) return false;
    down_.taken(static_cast<std::size_t>(sent));
    return true;
}

// GSocket has SIGPIPE ignored. What others left in OpenSSL's queue of errors would pass for one of this connection's.
std::size_t RelayPipe::write_remote(Bytes bytes) {
    if (tls_) ERR_clear_error();
    return went_on(tls_ ? SSL_write(tls_.get(), bytes.data(), static_cast<int>(bytes.size()))
                        : ::send(remote_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL),
                   true);
}

std::size_t RelayPipe::read_remote(MutableBytes bytes) {
    if (tls_) ERR_clear_error();
    return went_on(tls_ ? SSL_read(tls_.get(), bytes.data(), static_cast<int>(bytes.size()))
                        : ::recv(remote_, bytes.data(), bytes.size(), MSG_DONTWAIT),
                   false);
}

std::size_t RelayPipe::went_on(ssize_t result, bool writing) {
    const int error = tls_ ? SSL_get_error(tls_.get(), static_cast<int>(result)) : SSL_ERROR_NONE;
    if (tls_) note_session();
    if (result > 0) return static_cast<std::size_t>(result);
    if (!tls_) {
        const bool waits = result < 0 && would_block();
        wants_write_ |= waits && writing;
        closed_ |= !waits;
        return 0;
    }
    ERR_clear_error();
    if (error == SSL_ERROR_WANT_WRITE) wants_write_ = true;
    if (error != SSL_ERROR_WANT_WRITE && error != SSL_ERROR_WANT_READ) {
        closed_ = true;
        if (SSL_get_verify_result(tls_.get()) != X509_V_OK) tunnel_->distrusted_ = true;
        if (!noted_) tunnel_->session_ = {};  // maybe it was that
    }
    return 0;
}

}  // namespace sotto::transport::net
