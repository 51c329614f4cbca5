#include "transport/net/relay_resumption.h"

#include <netdb.h>
#include <openssl/asn1.h>
#include <openssl/x509.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <memory>

namespace sotto::transport::net {
namespace {

using OwnedSession = std::unique_ptr<SSL_SESSION, void (*)(SSL_SESSION*)>;

std::string numeric(int (*name)(int, sockaddr*, socklen_t*), int connected) {
    sockaddr_storage address{};
    socklen_t size = sizeof(address);
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    std::array<char, NI_MAXHOST> text{};
    if (name(connected, generic, &size) != 0 ||
        ::getnameinfo(generic, size, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST) != 0)
        return {};
    return text.data();
}

// RFC 5280 §4.1.2.5: when the relay's certificate is no longer good; `now`: it has none.
std::chrono::seconds end_of_certificate(SSL_SESSION* session, std::chrono::seconds now) {
    const X509* const certificate = SSL_SESSION_get0_peer(session);
    const std::unique_ptr<ASN1_TIME, void (*)(ASN1_TIME*)> from(ASN1_TIME_set(nullptr, now.count()), ASN1_TIME_free);
    int days = 0, seconds = 0;
    if (certificate == nullptr || !from ||
        ASN1_TIME_diff(&days, &seconds, from.get(), X509_get0_notAfter(certificate)) != 1)
        return now;
    return now + std::chrono::days(days) + std::chrono::seconds(seconds);
}

}  // namespace

std::string way_of(int connected) {
    const std::string own = numeric(::getsockname, connected);
    const std::string theirs = numeric(::getpeername, connected);
    return own.empty() || theirs.empty() ? std::string() : own + " " + theirs;
}

void resume(SSL* tls, const RelaySession& session, const std::string& way, std::chrono::seconds now) {
    if (way.empty() || !session.serves(way, now)) return;
    const Bytes secret = session.secret.reveal();
    const auto* at = reinterpret_cast<const unsigned char*>(secret.data());
    const OwnedSession kept(d2i_SSL_SESSION(nullptr, &at, static_cast<long>(secret.size())), SSL_SESSION_free);
    if (kept) SSL_set_session(tls, kept.get());
}

RelaySession session_of(SSL* tls, const std::string& relay, const std::string& way, std::chrono::seconds now) {
    const OwnedSession session(SSL_get1_session(tls), SSL_SESSION_free);
    const bool serves = session && SSL_version(tls) == TLS1_2_VERSION && SSL_get_verify_result(tls) == X509_V_OK &&
                        SSL_SESSION_is_resumable(session.get()) == 1 && !way.empty() && now.count() > 0;
    const int size = serves ? i2d_SSL_SESSION(session.get(), nullptr) : 0;
    if (size <= 0 || static_cast<std::size_t>(size) > RelaySession::max_secret) return {};
    RelaySession kept{.relay = relay, .way = way, .begun = now, .until = now + RelaySession::longest, .secret = {}};
    const auto hint = std::chrono::seconds(SSL_SESSION_get_ticket_lifetime_hint(session.get()));
    if (hint.count() > 0) kept.until = std::min(kept.until, now + hint);  // RFC 5077 §3.3; 0: it says nothing
    kept.until = std::max(now, std::min(kept.until, end_of_certificate(session.get(), now)));
    kept.secret = SecretBuffer(static_cast<std::size_t>(size));
    auto* at = reinterpret_cast<unsigned char*>(kept.secret.fill().data());
    i2d_SSL_SESSION(session.get(), &at);
    return kept;
}

}  // namespace sotto::transport::net
