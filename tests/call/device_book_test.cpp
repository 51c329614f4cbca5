#include "call/device_book.h"

#include <doctest/doctest.h>

#include "support/random.h"

using namespace sotto;
using call::DeviceBook;
using call::PeerDevice;

namespace {

DeviceKey device(int n) { return {{static_cast<std::byte>(n)}}; }

struct Fixture {
    test::SeededRandom random{61};
    crypto::Identity identity = crypto::Identity::generate(random);
    PublicIdentity alice = identity.public_identity();
    PublicIdentity bob{{std::byte{0xbb}}};
    DeviceBook book;

    auto learn(std::uint32_t sequence, const std::vector<int>& listed) {
        std::vector<DeviceKey> keys;
        for (const int n : listed) keys.push_back(device(n));
        return book.learn(crypto::make_list(identity, sequence, keys));
    }
};

template <class Event>
bool is(const AccountEvent& event, const PublicIdentity& identity, const DeviceKey& key) {
    const auto* const told = std::get_if<Event>(&event);
    return told != nullptr && told->identity == identity && told->device == key;
}

}  // namespace

TEST_CASE_FIXTURE(Fixture, "the first device of an identity is no event, each later one is an event once") {
    CHECK_FALSE(book.knows(alice));
    CHECK_FALSE(book.add({alice, device(1)}));
    CHECK(book.knows(alice));
    const auto second = book.add({alice, device(2)});
    REQUIRE(second);
    CHECK(is<DeviceAdded>(*second, alice, device(2)));
    CHECK_FALSE(book.add({alice, device(2)}));
    CHECK_FALSE(book.add({alice, device(1)}));
    CHECK_FALSE(book.add({bob, device(3)}));
}

TEST_CASE_FIXTURE(Fixture, "one device key under two identities is two devices") {
    CHECK_FALSE(book.add({alice, device(1)}));
    CHECK_FALSE(book.add({bob, device(1)}));
    REQUIRE(learn(1, {2}));
    CHECK(book.admit({alice, device(1)}).error() == Error::revoked);
    CHECK(book.admit({bob, device(1)}));
}

TEST_CASE_FIXTURE(Fixture, "a list tells what was added and what it leaves out, and from then on it alone decides") {
    book.add({alice, device(1)});
    book.add({alice, device(2)});
    CHECK(book.admit({alice, device(9)}));
    const auto events = learn(1, {2, 3});
    REQUIRE(events);
    REQUIRE(events->size() == 2);
    CHECK(is<DeviceAdded>((*events)[0], alice, device(3)));
    CHECK(is<DeviceRemoved>((*events)[1], alice, device(1)));
    for (const int n : {2, 3}) CHECK(book.admit({alice, device(n)}));
    for (const int n : {1, 9}) {
        CHECK(book.admit({alice, device(n)}).error() == Error::revoked);
        CHECK_FALSE(book.add({alice, device(n)}));
        CHECK(book.admit({alice, device(n)}).error() == Error::revoked);
    }
}

TEST_CASE_FIXTURE(Fixture, "the list of an identity that was unknown is no event, and what a later one adds is") {
    auto events = learn(5, {1, 2});
    REQUIRE(events);
    CHECK(events->empty());
    events = learn(6, {1, 2, 3});
    REQUIRE(events);
    REQUIRE(events->size() == 1);
    CHECK(is<DeviceAdded>((*events)[0], alice, device(3)));
}

TEST_CASE_FIXTURE(Fixture, "a list that is not newer than the last is outdated and changes nothing") {
    REQUIRE(learn(5, {1}));
    for (const std::uint32_t sequence : {0U, 4U, 5U}) {
        CHECK(learn(sequence, {1, 2}).error() == Error::outdated);
        CHECK(book.admit({alice, device(2)}).error() == Error::revoked);
    }
    CHECK(learn(6, {1, 2}));
}

TEST_CASE_FIXTURE(Fixture, "without a list an identity has at most 32 devices, and with one, those of the list") {
    for (int n = 0; n < 32; ++n) book.add({alice, device(n)});
    CHECK(book.admit({alice, device(32)}).error() == Error::too_large);
    CHECK_FALSE(book.add({alice, device(32)}));
    CHECK(book.admit({alice, device(31)}));
    REQUIRE(learn(1, {32, 33}));
    CHECK(book.admit({alice, device(33)}));
}

TEST_CASE_FIXTURE(Fixture, "whoever writes the list lists what it certified, and nobody else gets in") {
    REQUIRE(book.certify({alice, device(1)}));
    CHECK(book.admit({alice, device(2)}).error() == Error::revoked);
    for (int n = 2; n <= 32; ++n) REQUIRE(book.certify({alice, device(n)}));
    CHECK(book.certify({alice, device(33)}).error() == Error::too_large);
    CHECK(book.certify({alice, device(32)}));
    CHECK(book.next_sequence(alice) == 1U);
    CHECK(book.next_sequence(alice) == 2U);
    CHECK(book.remove({alice, device(2)}));
    CHECK(book.remove({alice, device(2)}).error() == Error::invalid_argument);
    CHECK(book.remove({bob, device(1)}).error() == Error::invalid_argument);
    CHECK(book.devices(alice).size() == 31);
    CHECK(book.devices(bob).empty());
    REQUIRE(learn(0xffffffff, {1}));
    CHECK(book.next_sequence(alice).error() == Error::key_exhausted);
}

TEST_CASE_FIXTURE(Fixture, "a book that was kept says the same, and one that was cut or altered is refused") {
    book.add({bob, device(4)});
    book.add({bob, device(5)});
    book.offered({bob, device(4)});
    book.offered({bob, device(4)});
    REQUIRE(learn(7, {1, 2}));
    const Buffer bytes = book.encode();
    auto restored = DeviceBook::restore(bytes);
    REQUIRE(restored);
    CHECK(restored->encode() == bytes);
    CHECK(restored->admit({alice, device(3)}).error() == Error::revoked);
    CHECK(restored->admit({bob, device(3)}));
    CHECK(restored->last_offer({bob, device(4)}) == 2);
    book = std::move(*restored);
    CHECK(learn(7, {1}).error() == Error::outdated);

    for (std::size_t size = 0; size < bytes.size(); ++size) {
        CHECK(DeviceBook::restore(Bytes(bytes).first(size)).error() == Error::truncated);
    }
    const auto changed = [&](auto&& change) {
        Buffer other = bytes;
        change(other);
        return DeviceBook::restore(other).error();
    };
    CHECK(changed([](Buffer& other) { other.push_back(std::byte{0}); }) == Error::malformed);
    CHECK(changed([](Buffer& other) { other[0] = std::byte{3}; }) == Error::unsupported_version);
    constexpr std::size_t first = 5, entry = 32 + 1 + 4 + 1 + 2 * (32 + 4);
    CHECK(changed([](Buffer& other) { other[first + 32] = std::byte{2}; }) == Error::malformed);
    CHECK(changed([](Buffer& other) { other[first + 32 + 1 + 4] = std::byte{33}; }) == Error::malformed);
    CHECK(changed([](Buffer& other) { std::fill_n(other.begin() + first + 38, 32, std::byte{0xff}); }) ==
          Error::malformed);
    CHECK(changed([](Buffer& other) {
              std::swap_ranges(other.begin() + first, other.begin() + first + 32, other.begin() + first + entry);
          }) == Error::malformed);
}

TEST_CASE_FIXTURE(Fixture,
                  "offers to a device are counted, whatever list comes, and go on far above after an older copy") {
    CHECK(book.next_offer({alice, device(1)}) == 1);
    book.offered({alice, device(1)});  // not in the book
    CHECK(book.last_offer({alice, device(1)}) == 0);
    book.add({alice, device(1)});
    book.add({alice, device(2)});
    book.offered({alice, device(1)});
    CHECK(book.last_offer({alice, device(1)}) == 1);
    CHECK(book.last_offer({alice, device(2)}) == 0);
    REQUIRE(learn(1, {1, 3}));
    CHECK(book.next_offer({alice, device(1)}) == 2);
    CHECK(book.next_offer({alice, device(3)}) == 1);
    book.skip_offers();
    CHECK(book.next_offer({alice, device(1)}) == 65538);
    for (int i = 0; i < 65536; ++i) book.skip_offers();
    CHECK(book.last_offer({alice, device(1)}) == 0xffffffff);
    CHECK(book.next_offer({alice, device(1)}) == 0xffffffff);
}
