// TLS sessions with relays as OpenSSL has them, to a RelaySession and back.
#pragma once

#include <openssl/ssl.h>

#include <chrono>
#include <string>

#include "transport/relay_session.h"

namespace sotto::transport::net {

// Both ends' numeric addresses, without ports; empty if they are not known.
std::string way_of(int connected);

// Before the handshake: asks the relay to go on from `session`, if it serves. A relay that has forgotten it makes a
// whole handshake of it, with its certificate.
void resume(SSL* tls, const RelaySession& session, const std::string& way, std::chrono::seconds now);
// After it: what the next may go on from. Of TLS 1.2 alone: in TLS 1.3 a whole handshake takes no longer (RFC 8446 §2).
// Nothing that the relay doesn't resume.
RelaySession session_of(SSL* tls, const std::string& relay, const std::string& way, std::chrono::seconds now);

}  // namespace sotto::transport::net
