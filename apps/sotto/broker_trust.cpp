#include "apps/sotto/broker_trust.h"

#include <openssl/x509v3.h>

namespace sotto::app {

BrokerTrust& BrokerTrust::of(const SSL* connection) {
    return *static_cast<BrokerTrust*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(connection)));
}

int BrokerTrust::on_verified(int good, X509_STORE_CTX* chain) {
    if (good == 1) return 1;
    const auto* const connection =
        static_cast<const SSL*>(X509_STORE_CTX_get_ex_data(chain, SSL_get_ex_data_X509_STORE_CTX_idx()));
    of(connection).refusal_ = X509_verify_cert_error_string(X509_STORE_CTX_get_error(chain));
    return 0;
}

// We connect to a numeric address, so that no look-up waits in the middle of a call; the name is for the broker to see
// (RFC 6066 §3).
void BrokerTrust::on_progress(const SSL* connection, int where, int) {
    if ((where & SSL_CB_HANDSHAKE_START) == 0) return;
    static_cast<void>(SSL_set_tlsext_host_name(const_cast<SSL*>(connection), of(connection).host_.c_str()));
}

Expected<std::unique_ptr<BrokerTrust>> BrokerTrust::make(const std::string& host, const std::string& authorities) {
    std::unique_ptr<BrokerTrust> trust(new BrokerTrust(host));
    SSL_CTX* const context = trust->context();
    if (context == nullptr) return std::unexpected("no TLS on this system");
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_app_data(context, trust.get());
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, on_verified);
    const int trusted = authorities.empty() ? SSL_CTX_set_default_verify_paths(context)
                                            : SSL_CTX_load_verify_file(context, authorities.c_str());
    if (trusted != 1) return std::unexpected("no certificates in " + authorities);
    X509_VERIFY_PARAM* const wanted = SSL_CTX_get0_param(context);
    const bool numeric = X509_VERIFY_PARAM_set1_ip_asc(wanted, host.c_str()) == 1;
    if (!numeric) {
        if (X509_VERIFY_PARAM_set1_host(wanted, host.c_str(), host.size()) != 1) {
            return std::unexpected("no certificate can be for " + host);
        }
        SSL_CTX_set_info_callback(context, on_progress);
    }
    return trust;
}

}  // namespace sotto::app
