// AES-256-GCM by libsodium, for media: the whole of a packet's cipher in one call, without memory of its own.
#pragma once

#include "base/packet_cipher.h"

namespace sotto::crypto {

// Makes ciphers without a key, in locked memory. Null where the processor has no instructions for AES and GHASH:
// libsodium has no code that is slow but constant in time.
MakePacketCipher packet_cipher();

}  // namespace sotto::crypto
