// What an initial message says before its ratchet header. docs/protocol.md, "Messages".
#pragma once

#include "crypto/device.h"

namespace sotto::crypto {

// PQXDH §3.3: what the responder needs to derive the shared key.
struct InitialHeader {
    DeviceCertificate sender;
    X25519Public base_key;
    PrekeyId signed_prekey = 0;
    PrekeyId kem_prekey = 0;
    PrekeyId one_time = 0;  // 0: none
    KemCiphertext ciphertext;
};

inline constexpr std::size_t initial_header_size = certificate_size + 32 + 3 * 4 + 1088;

// Errors: truncated, malformed (a prekey id of 0).
Result<InitialHeader> take_initial(ByteReader& in);
void write(const InitialHeader& header, ByteWriter& out);

}  // namespace sotto::crypto
