#include "crypto/pqxdh.h"

#include <algorithm>

#include "crypto/encoding.h"
#include "crypto/primitives.h"

namespace sotto::crypto {
namespace {

// F of PQXDH §2.2 for curve25519: 32 bytes of 0xFF, which begin no valid encoding of a point.
constexpr std::array<std::byte, 32> prefix = [] {
    std::array<std::byte, 32> bytes{};
    bytes.fill(std::byte{0xff});
    return bytes;
}();

// SK || HK_A || NHK_B = KDF(DH1 || DH2 || DH3 [|| DH4] || SS).
SharedKeys derive(const DhSecret& dh1, const DhSecret& dh2, const DhSecret& dh3, const DhSecret* dh4,
                  const KemSecret& kem) {
    const Bytes fourth = dh4 != nullptr ? Bytes(dh4->reveal()) : Bytes();
    const Prk prk = hkdf_extract({}, {prefix, dh1.reveal(), dh2.reveal(), dh3.reveal(), fourth, kem.reveal()});
    Secret<struct PqxdhOutputRole, 96> output;
    hkdf_expand(prk.reveal(), as_bytes(labels::pqxdh), output.fill());
    SharedKeys shared;
    std::ranges::copy(output.reveal().subspan<0, 32>(), shared.root.fill().begin());
    std::ranges::copy(output.reveal().subspan<32, 32>(), shared.initiator.fill().begin());
    std::ranges::copy(output.reveal().subspan<64, 32>(), shared.responder_next.fill().begin());
    return shared;
}

AssociatedData associated_data(const DeviceCertificate& initiator, const DeviceCertificate& responder,
                               const KemPublic& kem_prekey) {
    return sha512({encode(initiator.identity), encode(initiator.device), encode(responder.identity),
                   encode(responder.device), encode(kem_prekey)});
}

}  // namespace

Result<Initiated> initiate_pqxdh(const Device& ours, const PrekeyBundle& theirs, Random& random) {
    const auto their_device = agreement_key(theirs.owner.device);
    if (!their_device) return Failure(their_device.error());
    const X25519KeyPair base = generate_x25519(random);
    const auto dh1 = ours.agree(theirs.signed_prekey.key);
    const auto dh2 = agree(base.secret, *their_device);
    const auto dh3 = agree(base.secret, theirs.signed_prekey.key);
    if (!dh1 || !dh2 || !dh3) return Failure(Error::bad_key);
    Result<DhSecret> dh4;
    if (theirs.one_time) {
        dh4 = agree(base.secret, theirs.one_time->key);
        if (!dh4) return Failure(dh4.error());
    }
    const auto kem = encapsulate(theirs.kem_prekey.key, random);
    if (!kem) return Failure(kem.error());
    return Initiated{.shared = derive(*dh1, *dh2, *dh3, theirs.one_time ? &*dh4 : nullptr, kem->secret),
                     .associated = associated_data(ours.certificate(), theirs.owner, theirs.kem_prekey.key),
                     .base_key = base.shared,
                     .ciphertext = kem->ciphertext};
}

Result<Responded> respond_pqxdh(const Device& ours, const ResponderKeys& keys, const DeviceCertificate& initiator,
                                const X25519Public& base_key, const KemCiphertext& ciphertext) {
    const auto their_device = agreement_key(initiator.device);
    if (!their_device) return Failure(their_device.error());
    const auto dh1 = agree(keys.signed_prekey.secret, *their_device);
    const auto dh2 = ours.agree(base_key);
    const auto dh3 = agree(keys.signed_prekey.secret, base_key);
    if (!dh1 || !dh2 || !dh3) return Failure(Error::bad_key);
    Result<DhSecret> dh4;
    if (keys.one_time != nullptr) {
        dh4 = agree(*keys.one_time, base_key);
        if (!dh4) return Failure(dh4.error());
    }
    const auto kem = decapsulate(keys.kem_prekey.secret, ciphertext);
    if (!kem) return Failure(kem.error());
    return Responded{.shared = derive(*dh1, *dh2, *dh3, keys.one_time != nullptr ? &*dh4 : nullptr, *kem),
                     .associated = associated_data(initiator, ours.certificate(), keys.kem_prekey.shared)};
}

}  // namespace sotto::crypto
