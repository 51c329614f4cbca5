#include "crypto/root_chain.h"

#include <algorithm>

#include "crypto/labels.h"
#include "crypto/primitives.h"

namespace sotto::crypto {

RootStep root_step(const RootKey& root, const DhSecret& dh) {
    const Prk prk = hkdf_extract(root.reveal(), {dh.reveal()});
    Secret<struct RootOutputRole, 64> output;
    hkdf_expand(prk.reveal(), as_bytes(labels::root), output.fill());
    RootStep step;
    std::ranges::copy(output.reveal().first<32>(), step.root.fill().begin());
    std::ranges::copy(output.reveal().last<32>(), step.chain.fill().begin());
    return step;
}

}  // namespace sotto::crypto
