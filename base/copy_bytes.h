// Bytes from here to there, as one call of the C library: GCC 12 makes std::ranges::copy a loop over bytes at -O2.
#pragma once

#include <cstring>

#include "sotto/bytes.h"

namespace sotto {

// All of `from` to the front of `to`, which has room for it and lies elsewhere.
inline void copy_bytes(Bytes from, MutableBytes to) {
    if (!from.empty()) std::memcpy(to.data(), from.data(), from.size());
}

}  // namespace sotto
