// libsrtp2's own AES-256-GCM for baselines, as it is in a program without Sotto, which brings another
// (call/packet_cipher.h).
#pragma once

#include <srtp2/cipher.h>
#include <srtp2/srtp.h>

#include "bench/bare_srtp.h"
#include "bench/measure.h"
#include "call/packet_cipher.h"

// libsrtp2 exports it and declares it in none of its installed headers.
extern "C" __attribute__((weak)) const srtp_cipher_type_t srtp_aes_gcm_256;

namespace sotto::bench {

// SRTP sessions that are made while this lives have it, for as long as they live.
class StockCipher {
  public:
    StockCipher() : replaced_(call::choose_packet_cipher()) {
        if (!replaced_) return;
        require(&srtp_aes_gcm_256 != nullptr, "libsrtp2 does not tell its own cipher");
        require(srtp_replace_cipher_type(&srtp_aes_gcm_256, SRTP_AES_GCM_256) == srtp_err_status_ok,
                "libsrtp2 does not take its own cipher back");
    }
    StockCipher(const StockCipher&) = delete;
    StockCipher& operator=(const StockCipher&) = delete;
    ~StockCipher() {
        if (replaced_) transport::use_packet_cipher(crypto::packet_cipher());
    }

  private:
    bool replaced_;
};

// As in a program without Sotto.
inline BareSrtp stock_srtp(const std::vector<Buffer>& frames) {
    const StockCipher stock;
    return BareSrtp(frames, master_key());
}

}  // namespace sotto::bench
