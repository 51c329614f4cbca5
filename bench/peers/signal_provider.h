// The cryptography that libsignal-protocol-c leaves to its user.
#pragma once

#include <signal_protocol.h>

namespace sotto::bench {

// SHA-256, SHA-512 and AES-CBC of OpenSSL by its lowest interfaces: the fastest that Debian has.
signal_crypto_provider openssl_provider();

}  // namespace sotto::bench
