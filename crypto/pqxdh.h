// PQXDH (Signal, "The PQXDH Key Agreement Protocol", revision 3): a shared key with somebody who is only a published
// bundle, secure against a quantum attacker who records today.
#pragma once

#include "crypto/device.h"
#include "crypto/prekeys.h"

namespace sotto::crypto {

// SHA-512(Encode(identity_A) || Encode(IK_A) || Encode(identity_B) || Encode(IK_B) || EncodeKEM(PQPK_B)): PQXDH §3.3's
// AD with the identities of the devices (docs/protocol.md, section 4), at a fixed length.
using AssociatedData = std::array<std::byte, 64>;

// What both sides derive: the first root key, and the header keys of Double Ratchet §4.3.
struct SharedKeys {
    SharedKey root;            // SK
    HeaderKey initiator;       // HK_A
    HeaderKey responder_next;  // NHK_B
};

struct Initiated {
    SharedKeys shared;
    AssociatedData associated;
    X25519Public base_key;  // EK_A
    KemCiphertext ciphertext;
};
// §3.3, the initiator's side, for a bundle that passed check(). Errors: bad_key.
Result<Initiated> initiate_pqxdh(const Device& ours, const PrekeyBundle& theirs, Random& random);

struct Responded {
    SharedKeys shared;
    AssociatedData associated;
};
// §3.4, the responder's side, for an initiator whose certificate passed check(). Errors: bad_key.
Result<Responded> respond_pqxdh(const Device& ours, const ResponderKeys& keys, const DeviceCertificate& initiator,
                                const X25519Public& base_key, const KemCiphertext& ciphertext);

}  // namespace sotto::crypto
