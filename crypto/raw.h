// Our bytes as libsodium's C interface takes them.
#pragma once

#include <cstddef>

namespace sotto::crypto {

inline unsigned char* raw(std::byte* bytes) { return reinterpret_cast<unsigned char*>(bytes); }
inline const unsigned char* raw(const std::byte* bytes) { return reinterpret_cast<const unsigned char*>(bytes); }

}  // namespace sotto::crypto
