// Public keys as the protocol's signatures and key derivations see them: a type byte, then the key.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

#include "crypto/keys.h"
#include "crypto/labels.h"
#include "sotto/identity.h"

namespace sotto::crypto {

template <std::size_t N>
std::array<std::byte, N + 1> encode_key(std::uint8_t type, const std::array<std::byte, N>& key) {
    std::array<std::byte, N + 1> out;
    out[0] = static_cast<std::byte>(type);
    std::copy(key.begin(), key.end(), out.begin() + 1);
    return out;
}

// PQXDH §2.2: EncodeEC and EncodeKEM.
inline auto encode(const X25519Public& key) { return encode_key(labels::x25519_type, key.bytes); }
inline auto encode(const KemPublic& key) { return encode_key(labels::ml_kem_768_type, key.bytes); }
inline auto encode(const PublicIdentity& identity) { return encode_key(labels::ed25519_type, identity.key); }
inline auto encode(const DeviceKey& device) { return encode_key(labels::device_type, device.key); }

}  // namespace sotto::crypto
