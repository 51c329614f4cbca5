// What two people compare to know that nobody stands between them.
#pragma once

#include "sotto/identity.h"

namespace sotto::crypto {

// 60 digits, "12345 67890 ..." in 12 groups of 5; the same whichever side computes it. Iterated hashing (5,200 rounds
// of SHA-512) as in Signal's numeric fingerprints makes a near-collision costly.
SafetyNumber safety_number(const PublicIdentity& a, const PublicIdentity& b);

}  // namespace sotto::crypto
