#include "crypto/identity.h"

namespace sotto::crypto {

Identity::Identity(const IdentitySeed& seed)
    : seed_(seed.duplicate()), key_(seed.reveal()), public_{key_.public_key()} {}

Identity Identity::generate(Random& random) {
    IdentitySeed seed;
    random.fill(seed.fill());
    return Identity(seed);
}

}  // namespace sotto::crypto
