// Devices, the certificates by which they are an identity's, and the list of all that it has (docs/protocol.md,
// section 2).
#pragma once

#include <vector>

#include "crypto/identity.h"
#include "crypto/keys.h"

namespace sotto {
class ByteReader;
class ByteWriter;
}  // namespace sotto

namespace sotto::crypto {

// That `device` is one of `identity`'s, signed by the identity.
struct DeviceCertificate {
    PublicIdentity identity;
    DeviceKey device;
    Signature signature{};
};
inline constexpr std::size_t certificate_size = 32 + 32 + 64;

DeviceCertificate certify(const Identity& identity, const DeviceKey& device);
// Errors: bad_key, bad_signature.
Result<void> check(const DeviceCertificate& certificate);

Buffer encode(const DeviceCertificate& certificate);
// Errors: truncated, malformed (trailing bytes).
Result<DeviceCertificate> parse_certificate(Bytes bytes);
void write(const DeviceCertificate& certificate, ByteWriter& out);
Result<DeviceCertificate> take_certificate(ByteReader& in);

// Which devices an identity has. A higher sequence is newer.
struct DeviceList {
    struct Entry {
        DeviceKey device;
        Signature certificate{};  // the signature of DeviceCertificate
    };
    PublicIdentity identity;
    std::uint32_t sequence = 0;
    std::vector<Entry> devices;  // ascending keys, so that one list has one encoding
    Signature signature{};
};
inline constexpr std::size_t max_devices = 32;

// The list of `devices`, 1 to max_devices of them, in any order and each once.
DeviceList make_list(const Identity& identity, std::uint32_t sequence, std::vector<DeviceKey> devices);
Buffer encode(const DeviceList& list);
// Errors: truncated, malformed (sequence 0, no device, keys out of order or twice, trailing bytes), too_large (over
// max_devices), unsupported_version.
Result<DeviceList> parse_device_list(Bytes bytes);
// Its signature and each certificate's. Errors: bad_key, bad_signature.
Result<void> check(const DeviceList& list);

using DeviceSeed = Secret<struct DeviceSeedRole, 32>;  // RFC 8032 §5.1.5 private key

// The key that a certificate for the device of `seed` must name.
DeviceKey device_key_of(const DeviceSeed& seed);

// The device we are: its key signs prekeys, and agrees in X25519 form (RFC 7748 §4.1).
class Device {
  public:
    static Device generate(const Identity& identity, Random& random);
    // Errors: those of check(), wrong_identity (the certificate names another device).
    static Result<Device> from_seed(const DeviceSeed& seed, const DeviceCertificate& certificate);

    const DeviceCertificate& certificate() const { return certificate_; }
    const PublicIdentity& identity() const { return certificate_.identity; }
    const DeviceKey& key() const { return certificate_.device; }
    Signature sign(Bytes message) const { return key_.sign(message); }
    // Error::bad_key if the result is all zero (RFC 7748 §6.1).
    Result<DhSecret> agree(const X25519Public& theirs) const;
    // For the client to keep, with the certificate; from_seed() restores the device.
    const DeviceSeed& seed() const { return seed_; }

  private:
    Device(const DeviceSeed& seed, const DeviceCertificate& certificate);

    DeviceSeed seed_;
    SigningKey key_;
    X25519Private agreement_;
    DeviceCertificate certificate_;
};

// X(device), the X25519 form of a device's key. Errors: bad_key.
Result<X25519Public> agreement_key(const DeviceKey& device);

}  // namespace sotto::crypto
