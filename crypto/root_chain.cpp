#include "crypto/root_chain.h"

#include <algorithm>

#include "crypto/labels.h"

namespace sotto::crypto {

RootStep root_step(const RootKey& root, const DhSecret& dh, const Encapsulated* kem, const X25519Public& sender,
                   const X25519Public& receiver) {
    const Bytes secret = kem != nullptr ? Bytes(kem->secret.reveal()) : Bytes();
    const Bytes ciphertext = kem != nullptr ? Bytes(kem->ciphertext.bytes) : Bytes();
    const Prk prk = hkdf_extract(root.reveal(), {dh.reveal(), secret, sender.bytes, receiver.bytes, ciphertext});
    Secret<struct RootOutputRole, 96> output;
    hkdf_expand(prk.reveal(), as_bytes(labels::root), output.fill());
    RootStep step;
    std::ranges::copy(output.reveal().subspan<0, 32>(), step.root.fill().begin());
    std::ranges::copy(output.reveal().subspan<32, 32>(), step.chain.fill().begin());
    std::ranges::copy(output.reveal().subspan<64, 32>(), step.next_header.fill().begin());
    return step;
}

}  // namespace sotto::crypto
