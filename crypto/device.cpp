#include "crypto/device.h"

#include <sodium.h>

#include <algorithm>

#include "base/byte_reader.h"
#include "base/byte_writer.h"
#include "crypto/encoding.h"
#include "crypto/primitives.h"
#include "crypto/raw.h"

namespace sotto::crypto {
namespace {

constexpr std::uint8_t list_version = 1;
constexpr std::size_t list_head_size = 1 + 32 + 4 + 1;
constexpr std::size_t list_entry_size = 32 + 64;

// What a certificate's signature covers: label || Encode(device).
Buffer certified_bytes(const DeviceKey& device) {
    const auto encoded = encode(device);
    Buffer bytes(labels::device.size() + encoded.size());
    ByteWriter(bytes).bytes(as_bytes(labels::device)).bytes(encoded);
    return bytes;
}

// What a list's signature covers: label || every byte before it.
Buffer listed_bytes(Bytes encoded) {
    const Bytes before = encoded.first(encoded.size() - sizeof(Signature));
    Buffer bytes(labels::device_list.size() + before.size());
    ByteWriter(bytes).bytes(as_bytes(labels::device_list)).bytes(before);
    return bytes;
}

}  // namespace

DeviceCertificate certify(const Identity& identity, const DeviceKey& device) {
    return {
        .identity = identity.public_identity(), .device = device, .signature = identity.sign(certified_bytes(device))};
}

Result<void> check(const DeviceCertificate& certificate) {
    const auto identity = check_key(certificate.identity);
    if (!identity) return identity;
    const auto device = check_key(certificate.device);
    if (!device) return device;
    return verify(certificate.identity, certified_bytes(certificate.device), certificate.signature);
}

Buffer encode(const DeviceCertificate& certificate) {
    Buffer bytes(certificate_size);
    ByteWriter out(bytes);
    write(certificate, out);
    return bytes;
}

Result<DeviceCertificate> parse_certificate(Bytes bytes) {
    ByteReader in(bytes);
    auto certificate = take_certificate(in);
    if (certificate && !in.empty()) return Failure(Error::malformed);
    return certificate;
}

void write(const DeviceCertificate& certificate, ByteWriter& out) {
    out.bytes(certificate.identity.key).bytes(certificate.device.key).bytes(certificate.signature);
}

Result<DeviceCertificate> take_certificate(ByteReader& in) {
    const auto body = in.take(certificate_size);
    if (!body) return Failure(body.error());
    ByteReader fields(*body);
    DeviceCertificate certificate;
    certificate.identity.key = *fields.array<32>();
    certificate.device.key = *fields.array<32>();
    certificate.signature = *fields.array<64>();
    return certificate;
}

DeviceList make_list(const Identity& identity, std::uint32_t sequence, std::vector<DeviceKey> devices) {
    std::ranges::sort(devices);
    DeviceList list{.identity = identity.public_identity(), .sequence = sequence, .devices = {}};
    for (const DeviceKey& device : devices) list.devices.push_back({device, certify(identity, device).signature});
    list.signature = identity.sign(listed_bytes(encode(list)));
    return list;
}

Buffer encode(const DeviceList& list) {
    Buffer bytes(list_head_size + list.devices.size() * list_entry_size + sizeof(Signature));
    ByteWriter out(bytes);
    out.u8(list_version).bytes(list.identity.key).u32(list.sequence);
    out.u8(static_cast<std::uint8_t>(list.devices.size()));
    for (const auto& [device, certificate] : list.devices) out.bytes(device.key).bytes(certificate);
    out.bytes(list.signature);
    return bytes;
}

Result<DeviceList> parse_device_list(Bytes bytes) {
    ByteReader in(bytes);
    const auto version = in.u8();
    if (!version) return Failure(Error::truncated);
    if (*version != list_version) return Failure(Error::unsupported_version);
    if (bytes.size() < list_head_size) return Failure(Error::truncated);
    DeviceList list;
    list.identity.key = *in.array<32>();
    list.sequence = *in.u32();
    const std::size_t count = *in.u8();
    if (list.sequence == 0 || count == 0) return Failure(Error::malformed);
    if (count > max_devices) return Failure(Error::too_large);
    const std::size_t rest = count * list_entry_size + sizeof(Signature);
    if (in.remaining() != rest) return Failure(in.remaining() < rest ? Error::truncated : Error::malformed);
    for (std::size_t i = 0; i < count; ++i) {
        DeviceList::Entry entry;
        entry.device.key = *in.array<32>();
        entry.certificate = *in.array<64>();
        if (i > 0 && entry.device <= list.devices.back().device) return Failure(Error::malformed);
        list.devices.push_back(entry);
    }
    list.signature = *in.array<64>();
    return list;
}

Result<void> check(const DeviceList& list) {
    const auto identity = check_key(list.identity);
    if (!identity) return identity;
    const auto whole = verify(list.identity, listed_bytes(encode(list)), list.signature);
    if (!whole) return whole;
    for (const auto& [device, certificate] : list.devices) {
        const auto each = check(DeviceCertificate{list.identity, device, certificate});
        if (!each) return each;
    }
    return {};
}

DeviceKey device_key_of(const DeviceSeed& seed) { return {SigningKey(seed.reveal()).public_key()}; }

Device::Device(const DeviceSeed& seed, const DeviceCertificate& certificate)
    : seed_(seed.duplicate()), key_(seed.reveal()), agreement_(key_.agreement()), certificate_(certificate) {}

Device Device::generate(const Identity& identity, Random& random) {
    DeviceSeed seed;
    random.fill(seed.fill());
    return Device(seed, certify(identity, device_key_of(seed)));
}

Result<Device> Device::from_seed(const DeviceSeed& seed, const DeviceCertificate& certificate) {
    const auto checked = check(certificate);
    if (!checked) return Failure(checked.error());
    if (certificate.device != device_key_of(seed)) return Failure(Error::wrong_identity);
    return Device(seed, certificate);
}

Result<DhSecret> Device::agree(const X25519Public& theirs) const { return crypto::agree(agreement_, theirs); }

Result<X25519Public> agreement_key(const DeviceKey& device) {
    X25519Public key;
    if (crypto_sign_ed25519_pk_to_curve25519(raw(key.bytes.data()), raw(device.key.data())) != 0) {
        return Failure(Error::bad_key);
    }
    return key;
}

}  // namespace sotto::crypto
