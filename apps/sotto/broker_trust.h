// Whom we take for the broker: TLS by a certificate that vouches for its host name.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>

#include "apps/sotto/expected.h"

namespace sotto::app {

class BrokerTrust {
  public:
    // `authorities`: a file of certificates (PEM); empty: the system's. `host`: a name or a numeric address.
    static Expected<std::unique_ptr<BrokerTrust>> make(const std::string& host, const std::string& authorities);

    // Connections made from it verify by themselves; it must not outlive this.
    SSL_CTX* context() const { return context_.get(); }
    // Why a certificate was refused; empty while none was.
    const std::string& refusal() const { return refusal_; }

  private:
    struct Free {
        void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
    };
    explicit BrokerTrust(const std::string& host) : host_(host), context_(SSL_CTX_new(TLS_client_method())) {}
    static BrokerTrust& of(const SSL* connection);
    static int on_verified(int good, X509_STORE_CTX* chain);
    static void on_progress(const SSL* connection, int where, int);

    std::string host_;
    std::unique_ptr<SSL_CTX, Free> context_;
    std::string refusal_;
};

}  // namespace sotto::app
