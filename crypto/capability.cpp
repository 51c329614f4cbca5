#include "crypto/capability.h"

#include <sodium.h>

#include <algorithm>

#include "crypto/labels.h"
#include "crypto/primitives.h"

namespace sotto::crypto {

Capability draw_capability(Random& random) {
    Capability drawn;
    random.fill(drawn.fill());
    return drawn;
}

Capability copy_capability(CapabilityView view) {
    Capability copy;
    std::ranges::copy(view, copy.fill().begin());
    return copy;
}

bool same(const Capability& ours, CapabilityView shown) {
    return sodium_memcmp(ours.reveal().data(), shown.data(), Capability::size) == 0;
}

CapabilityHash hash_of(const Capability& capability) {
    auto hash = sha512({as_bytes(labels::capability), capability.reveal()});
    CapabilityHash shown;
    std::copy_n(hash.begin(), CapabilityHash::size, shown.bytes.begin());
    return shown;
}

}  // namespace sotto::crypto
