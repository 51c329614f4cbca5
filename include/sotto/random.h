// Randomness is an interface, so that a failing test replays from its seed.
#pragma once

#include "sotto/bytes.h"
#include "sotto/export.h"

namespace sotto {

class Random {
  public:
    virtual ~Random() = default;
    virtual void fill(MutableBytes out) = 0;
};

// The operating system's generator (libsodium's randombytes_buf). The only one a client should use.
SOTTO_API Random& system_random();

}  // namespace sotto
