// Devices, their certificates and the lists of them.
#include "crypto/device.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "base/byte_writer.h"
#include "crypto/labels.h"
#include "support/mutate.h"

using namespace sotto;
using namespace sotto::crypto;

namespace {

// Ed25519 keys that nobody may have.
const std::vector<std::array<std::byte, 32>>& bad_keys() {
    static const auto keys = [] {
        std::vector<std::array<std::byte, 32>> made;
        for (const char* const hex : {
                 "0000000000000000000000000000000000000000000000000000000000000000",  // order 4
                 "0100000000000000000000000000000000000000000000000000000000000000",  // the neutral element
                 "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",  // order 2
                 "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",  // order 8
                 "0200000000000000000000000000000000000000000000000000000000000000",  // off the curve
                 "9599999999999999999999999999999999999999999999999999999999999999",  // base point + order 2
                 "f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",  // y = 3 written as p + 3
             }) {
            std::ranges::copy(*from_hex(hex), made.emplace_back().begin());
        }
        return made;
    }();
    return keys;
}

struct Fixture {
    test::SeededRandom random{31};
    Identity identity = Identity::generate(random);
    Identity other = Identity::generate(random);

    DeviceKey new_key() { return Device::generate(identity, random).key(); }
    std::vector<DeviceKey> new_keys(std::size_t count) {
        std::vector<DeviceKey> keys(count);
        for (DeviceKey& key : keys) key = new_key();
        return keys;
    }
    // Signed anew after somebody with the identity's key put something odd into it.
    DeviceList signed_again(DeviceList list) const {
        const Buffer encoded = encode(list);
        Buffer bytes(labels::device_list.size() + encoded.size() - 64);
        ByteWriter(bytes).bytes(as_bytes(labels::device_list)).bytes(Bytes(encoded).first(encoded.size() - 64));
        list.signature = identity.sign(bytes);
        return list;
    }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "two devices agree on one Diffie-Hellman secret in X25519 form") {
    const Device a = Device::generate(identity, random), b = Device::generate(other, random);
    const auto from_a = a.agree(*agreement_key(b.key())), from_b = b.agree(*agreement_key(a.key()));
    REQUIRE((from_a && from_b));
    CHECK(std::ranges::equal(from_a->reveal(), from_b->reveal()));
    CHECK(a.agree(X25519Public{}).error() == Error::bad_key);
}

TEST_CASE_FIXTURE(Fixture, "an identity's device has a certificate that verifies and survives its encoding") {
    const Device device = Device::generate(identity, random);
    CHECK(device.identity() == identity.public_identity());
    CHECK(check(device.certificate()));
    const Buffer bytes = encode(device.certificate());
    CHECK(bytes.size() == 128);
    const auto parsed = parse_certificate(bytes);
    REQUIRE(parsed);
    CHECK(encode(*parsed) == bytes);
    CHECK(parse_certificate(Bytes(bytes).first(127)).error() == Error::truncated);
    Buffer longer = bytes;
    longer.push_back(std::byte{0});
    CHECK(parse_certificate(longer).error() == Error::malformed);
}

TEST_CASE_FIXTURE(Fixture, "a certificate with any bit changed, or by another identity, does not verify") {
    const DeviceCertificate genuine = certify(identity, new_key());
    const Buffer bytes = encode(genuine);
    for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
        CAPTURE(bit);
        Buffer changed = bytes;
        changed[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
        const auto refused = check(*parse_certificate(changed));
        REQUIRE_FALSE(refused);
        CHECK((refused.error() == Error::bad_signature || (refused.error() == Error::bad_key && bit < 64 * 8)));
    }
    DeviceCertificate claimed = genuine;
    claimed.identity = other.public_identity();
    CHECK(check(claimed).error() == Error::bad_signature);
}

TEST_CASE_FIXTURE(Fixture, "identity and device keys of low order, off the curve or outside the subgroup are refused") {
    for (const auto& key : bad_keys()) {
        CAPTURE(to_hex(key));
        CHECK(check(certify(identity, DeviceKey{key})).error() == Error::bad_key);
        DeviceCertificate nobodys = certify(identity, new_key());
        nobodys.identity.key = key;
        CHECK(check(nobodys).error() == Error::bad_key);
        const DeviceList list = make_list(identity, 1, {DeviceKey{key}, new_key()});
        CHECK(check(list).error() == Error::bad_key);
    }
}

TEST_CASE_FIXTURE(Fixture, "a device comes back from its seed with its own certificate, and with no other") {
    const Device device = Device::generate(identity, random);
    const auto back = Device::from_seed(device.seed(), device.certificate());
    REQUIRE(back);
    CHECK(back->key() == device.key());
    CHECK(back->sign(as_bytes("hello")) == device.sign(as_bytes("hello")));
    CHECK(Device::from_seed(device.seed(), certify(identity, new_key())).error() == Error::wrong_identity);
    DeviceCertificate forged = device.certificate();
    forged.signature[5] ^= std::byte{1};
    CHECK(Device::from_seed(device.seed(), forged).error() == Error::bad_signature);
}

TEST_CASE_FIXTURE(Fixture, "a list of 1 to 32 devices, given in any order, survives its own encoding") {
    for (const std::size_t count : {1U, 2U, 3U, 32U}) {
        CAPTURE(count);
        const DeviceList list = make_list(identity, 7, new_keys(count));
        const Buffer bytes = encode(list);
        CHECK(bytes.size() == 102 + 96 * count);
        const auto parsed = parse_device_list(bytes);
        REQUIRE(parsed);
        CHECK(check(*parsed));
        CHECK(encode(*parsed) == bytes);
        CHECK(parsed->sequence == 7);
        CHECK(parsed->devices.size() == count);
        CHECK(std::ranges::is_sorted(parsed->devices, {}, &DeviceList::Entry::device));
    }
}

TEST_CASE_FIXTURE(Fixture,
                  "a list of no device, of too many, out of order, with one twice, or of sequence 0 is refused") {
    CHECK(parse_device_list(encode(make_list(identity, 0, new_keys(1)))).error() == Error::malformed);
    CHECK(parse_device_list(encode(make_list(identity, 1, {}))).error() == Error::malformed);
    CHECK(parse_device_list(encode(make_list(identity, 1, new_keys(33)))).error() == Error::too_large);
    const DeviceKey key = new_key();
    CHECK(parse_device_list(encode(make_list(identity, 1, {key, key}))).error() == Error::malformed);
    DeviceList list = make_list(identity, 1, new_keys(3));
    std::swap(list.devices[1], list.devices[2]);
    CHECK(parse_device_list(encode(signed_again(list))).error() == Error::malformed);
}

TEST_CASE_FIXTURE(Fixture, "a list cut short is refused at every length, and so are a longer one and another version") {
    const Buffer bytes = encode(make_list(identity, 1, new_keys(3)));
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        CHECK(parse_device_list(Bytes(bytes).first(size)).error() == Error::truncated);
    }
    Buffer longer = bytes;
    longer.push_back(std::byte{0});
    CHECK(parse_device_list(longer).error() == Error::malformed);
    Buffer newer = bytes;
    newer[0] = std::byte{2};
    CHECK(parse_device_list(newer).error() == Error::unsupported_version);
}

TEST_CASE_FIXTURE(Fixture, "no changed bit of a list passes") {
    const Buffer bytes = encode(make_list(identity, 1, new_keys(2)));
    for (std::size_t bit = 8; bit < bytes.size() * 8; ++bit) {
        CAPTURE(bit);
        Buffer changed = bytes;
        changed[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
        const auto parsed = parse_device_list(changed);
        if (parsed) CHECK_FALSE(check(*parsed));
    }
}

TEST_CASE_FIXTURE(Fixture, "a list may hold only what its own identity certified") {
    DeviceList list = make_list(identity, 1, new_keys(2));
    list.devices[1].certificate = certify(other, list.devices[1].device).signature;
    CHECK(check(signed_again(list)).error() == Error::bad_signature);
    DeviceList claimed = make_list(other, 1, new_keys(2));
    claimed.identity = identity.public_identity();
    CHECK(check(claimed).error() == Error::bad_signature);
    // A list's signature is over another label than a certificate's.
    DeviceList mislabelled = make_list(identity, 1, new_keys(1));
    mislabelled.signature = mislabelled.devices[0].certificate;
    CHECK(check(mislabelled).error() == Error::bad_signature);
}
