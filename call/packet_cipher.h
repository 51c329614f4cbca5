// Which AES-256-GCM media have: libsodium's where the processor can run it, else that of the library below libsrtp2.
#pragma once

#include "crypto/aes_gcm.h"
#include "transport/srtp.h"

namespace sotto::call {

// Before a stream is keyed; once for the program. Whether it is libsodium's.
inline bool choose_packet_cipher() {
    static const bool ours = transport::use_packet_cipher(crypto::packet_cipher());
    return ours;
}

}  // namespace sotto::call
