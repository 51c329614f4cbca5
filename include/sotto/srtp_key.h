// What the key schedule hands to the packet layer: one SRTP master key and salt for one direction of one medium.
#pragma once

#include "sotto/secret.h"

namespace sotto {

struct Sending {};
struct Receiving {};

// AEAD_AES_256_GCM: 32-byte master key, then 12-byte master salt (RFC 7714 §12, figure 1). `Direction` keeps ours and
// theirs apart; the key is consumed (&&) by the one stream it protects.
template <class Direction>
using SrtpKey = Secret<Direction, 44>;

inline constexpr std::size_t srtp_key_bytes = 32;
inline constexpr std::size_t srtp_salt_bytes = 12;

}  // namespace sotto
