// Accounts of several devices: all of them reach and are reached, and nobody becomes one unnoticed.
#include <doctest/doctest.h>

#include <vector>

#include "call/signal.h"
#include "crypto/session.h"
#include "sotto/account.h"
#include "support/mutate.h"
#include "support/policy.h"

using namespace sotto;

namespace {

constexpr Instant now{std::chrono::seconds(1000)};
constexpr CallSettings voice{.video = false};

struct Fixture {
    test::SeededRandom random{71};
    Account alice = test::open_to_everyone(random);
    Account bob = test::open_to_everyone(random);

    Account linked(Account& primary) {
        DeviceRequest request = DeviceRequest::create(random);
        const auto certificate = primary.certify(request.key());
        REQUIRE(certificate);
        auto joined = Account::join(std::move(request), *certificate, random);
        REQUIRE(joined);
        test::let_everyone_ring(*joined);
        return std::move(*joined);
    }
};

Signal next_signal(Call& call, Buffer& bytes) {
    while (const auto output = call.poll(now)) {
        if (const auto* signal = std::get_if<Signal>(&*output)) {
            bytes = to_buffer(signal->bytes);
            return {.to = signal->to, .device = signal->device, .bytes = bytes};
        }
    }
    FAIL("the call says nothing");
    return {};
}

Result<Call> dial(Account& from, Account& to) { return from.dial(to.identity(), *to.bundle(), voice, now); }

// Rings at `to` and nowhere else, and is answered.
void talk(Account& from, Account& to) {
    auto calling = dial(from, to);
    REQUIRE(calling);
    Buffer bytes;
    const Signal offer = next_signal(*calling, bytes);
    CHECK(offer.to == to.identity());
    CHECK(offer.device == to.device());
    auto ringing = to.receive(offer.bytes, now);
    REQUIRE((ringing && *ringing));
    CHECK((*ringing)->peer() == from.identity());
    REQUIRE((*ringing)->accept(voice, now));
    const Signal answer = next_signal(**ringing, bytes);
    CHECK(answer.device == from.device());
    REQUIRE(from.receive(answer.bytes, now));
    CHECK(calling->state() == CallState::active);
    CHECK(calling->safety_number() == safety_number(from.identity(), to.identity()));
    calling->hang_up(now);
    REQUIRE(to.receive(next_signal(*calling, bytes).bytes, now));
}

template <class Event>
bool told(Account& account, const PublicIdentity& identity, const DeviceKey& device) {
    const auto event = account.event();
    if (!event) return false;
    const auto* const told = std::get_if<Event>(&*event);
    return told != nullptr && told->identity == identity && told->device == device;
}

Buffer offer_to(Account& to, Account& from) {
    auto call = dial(from, to);
    REQUIRE(call);
    Buffer bytes;
    next_signal(*call, bytes);
    return bytes;
}

}  // namespace

TEST_CASE_FIXTURE(Fixture, "two devices of one identity both reach and are reached, by others and by each other") {
    Account second = linked(bob);
    CHECK(second.identity() == bob.identity());
    CHECK(second.device() != bob.device());
    const Buffer offer = offer_to(bob, alice);
    CHECK(second.receive(offer, now).error() == Error::unknown_prekey);
    CHECK(bob.receive(offer, now));
    for (Account* const device : {&bob, &second}) {
        talk(alice, *device);
        talk(*device, alice);
    }
    talk(bob, second);
    talk(second, bob);
}

TEST_CASE_FIXTURE(Fixture, "a device that joined has no seed, and lets nobody else in") {
    Account second = linked(bob);
    CHECK(bob.seed());
    CHECK(second.seed().error() == Error::wrong_state);
    CHECK(second.certify(alice.device()).error() == Error::wrong_state);
    CHECK(second.publish_devices().error() == Error::wrong_state);
    CHECK(second.remove_device(bob.device()).error() == Error::wrong_state);
}

TEST_CASE_FIXTURE(Fixture, "nobody joins by a certificate that is changed, cut, or another device's") {
    DeviceRequest request = DeviceRequest::create(random);
    const DeviceRequest other = DeviceRequest::create(random);
    const Buffer certificate = *bob.certify(request.key());
    CHECK(Account::join(std::move(request), *bob.certify(other.key()), random).error() == Error::wrong_identity);
    CHECK(Account::join(std::move(request), Bytes(certificate).first(127), random).error() == Error::truncated);
    for (int i = 0; i < 50; ++i) {
        CHECK_FALSE(Account::join(std::move(request), test::flipped(certificate, random), random));
    }
    // What was refused consumed nothing; what succeeded did.
    CHECK(Account::join(std::move(request), certificate, random));
    CHECK(Account::join(std::move(request), certificate, random).error() == Error::wrong_identity);
    CHECK(bob.certify(DeviceKey{{std::byte{1}}}).error() == Error::bad_key);
}

TEST_CASE_FIXTURE(Fixture, "a new device of a known identity is an event exactly once, whoever calls whom") {
    talk(alice, bob);
    CHECK_FALSE(alice.event());
    CHECK_FALSE(bob.event());

    Account caller = linked(bob), callee = linked(bob);
    talk(caller, alice);
    CHECK(told<DeviceAdded>(alice, bob.identity(), caller.device()));
    talk(alice, callee);
    CHECK(told<DeviceAdded>(alice, bob.identity(), callee.device()));
    for (Account* const device : {&bob, &caller, &callee}) talk(alice, *device);
    for (Account* const device : {&bob, &caller, &callee}) talk(*device, alice);
    CHECK_FALSE(alice.event());
}

TEST_CASE_FIXTURE(Fixture, "an identity that was restored from its seed is the same person at a new device") {
    talk(alice, bob);
    const DeviceKey before = bob.device();
    bob = Account::restore(*bob.seed(), random);
    test::let_everyone_ring(bob);
    CHECK(bob.device() != before);
    talk(bob, alice);
    CHECK(told<DeviceAdded>(alice, bob.identity(), bob.device()));
    CHECK_FALSE(alice.event());
}

TEST_CASE_FIXTURE(Fixture,
                  "of strangers who are never answered nothing is remembered, and whose call was accepted is known") {
    Account stranger = test::open_to_everyone(random), second = linked(stranger), third = linked(stranger);
    auto declined = alice.receive(offer_to(alice, stranger), now);
    REQUIRE((declined && *declined));
    (*declined)->hang_up(now);
    auto ringing = alice.receive(offer_to(alice, second), now);
    REQUIRE((ringing && *ringing));
    CHECK_FALSE(alice.event());
    REQUIRE((*ringing)->accept({.video = false}, now));  // the first of its devices that was spoken to
    REQUIRE(alice.receive(offer_to(alice, third), now));
    CHECK(told<DeviceAdded>(alice, stranger.identity(), third.device()));
    CHECK_FALSE(alice.event());
}

TEST_CASE_FIXTURE(Fixture, "a published list names every certified device, and a newer one tells who came and went") {
    talk(alice, bob);
    Account second = linked(bob);
    const Buffer first_list = *bob.publish_devices();
    REQUIRE(alice.learn_devices(first_list));
    CHECK(told<DeviceAdded>(alice, bob.identity(), second.device()));
    talk(alice, second);
    talk(second, alice);
    CHECK_FALSE(alice.event());

    REQUIRE(bob.remove_device(second.device()));
    const Buffer second_list = *bob.publish_devices();
    REQUIRE(alice.learn_devices(second_list));
    CHECK(told<DeviceRemoved>(alice, bob.identity(), second.device()));
    CHECK_FALSE(alice.event());
    for (const Buffer& old : {first_list, second_list}) {
        CHECK(alice.learn_devices(old).error() == Error::outdated);
    }
    CHECK_FALSE(alice.event());
    talk(alice, bob);
    talk(bob, alice);
}

TEST_CASE_FIXTURE(Fixture, "a revoked device is refused wherever it stands: session, bundle, first message") {
    Account second = linked(bob);
    const Buffer first_message = offer_to(alice, second);
    auto calling = dial(alice, second);
    REQUIRE(calling);
    Buffer bytes;
    auto ringing = second.receive(next_signal(*calling, bytes).bytes, now);
    REQUIRE((ringing && *ringing));
    REQUIRE((*ringing)->accept(voice, now));

    REQUIRE(bob.remove_device(second.device()));
    CHECK(bob.receive(offer_to(bob, second), now).error() == Error::revoked);
    CHECK(bob.devices() == std::vector{bob.device()});
    CHECK_FALSE(alice.revoked(bob.identity(), second.device()));
    REQUIRE(alice.learn_devices(*bob.publish_devices()));
    CHECK(told<DeviceAdded>(alice, bob.identity(), bob.device()));
    CHECK(told<DeviceRemoved>(alice, bob.identity(), second.device()));
    CHECK(alice.revoked(bob.identity(), second.device()));
    CHECK_FALSE(alice.revoked(bob.identity(), bob.device()));
    CHECK_FALSE(alice.revoked(PublicIdentity{}, second.device()));  // of whom there is no list
    CHECK(alice.receive(next_signal(**ringing, bytes).bytes, now).error() == Error::unknown_session);
    CHECK(dial(alice, second).error() == Error::revoked);
    CHECK(alice.receive(first_message, now).error() == Error::revoked);
    Account unlisted = linked(bob);  // certified after the list that Alice has
    CHECK(alice.receive(offer_to(alice, unlisted), now).error() == Error::revoked);
    CHECK(alice.refused()[Error::revoked] == 2);
    REQUIRE(alice.learn_devices(*bob.publish_devices()));
    talk(unlisted, alice);
    talk(alice, bob);
}

TEST_CASE_FIXTURE(Fixture, "a list with a bit changed, or cut, or by somebody else, is refused and revokes nobody") {
    talk(alice, bob);
    Account second = linked(bob);
    talk(alice, second);
    CHECK(told<DeviceAdded>(alice, bob.identity(), second.device()));
    REQUIRE(bob.remove_device(second.device()));
    const Buffer list = *bob.publish_devices();
    for (int i = 0; i < 200; ++i) CHECK_FALSE(alice.learn_devices(test::flipped(list, random)));
    for (std::size_t size = 0; size < list.size(); ++size) {
        CHECK(alice.learn_devices(Bytes(list).first(size)).error() == Error::truncated);
    }
    CHECK_FALSE(alice.event());
    talk(alice, second);
    Account mallory = test::open_to_everyone(random);
    REQUIRE(alice.learn_devices(*mallory.publish_devices()));  // of another identity, which is her own affair
    CHECK_FALSE(alice.event());
    talk(second, alice);
}

TEST_CASE_FIXTURE(Fixture, "an identity's own devices learn its list, and one of them that it is no longer one") {
    Account second = linked(bob), third = linked(bob);
    REQUIRE(second.learn_devices(*bob.publish_devices()));
    const DeviceKey others[] = {std::min(bob.device(), third.device()), std::max(bob.device(), third.device())};
    for (const DeviceKey& other : others) CHECK(told<DeviceAdded>(second, bob.identity(), other));
    CHECK_FALSE(second.event());
    REQUIRE(bob.remove_device(second.device()));
    REQUIRE(second.learn_devices(*bob.publish_devices()));
    CHECK(told<DeviceRemoved>(second, bob.identity(), second.device()));
    CHECK(bob.remove_device(second.device()).error() == Error::invalid_argument);
    CHECK(bob.remove_device(bob.device()).error() == Error::invalid_argument);
}

TEST_CASE_FIXTURE(Fixture, "a restored identity goes on from the list that it last published") {
    Account second = linked(bob);
    const Buffer list = *bob.publish_devices();
    REQUIRE(alice.learn_devices(list));
    const DeviceKey lost = bob.device();
    bob = Account::restore(*bob.seed(), random);
    test::let_everyone_ring(bob);
    CHECK(alice.learn_devices(*bob.publish_devices()).error() == Error::outdated);
    CHECK(dial(bob, second).error() == Error::revoked);

    bob = Account::restore(*bob.seed(), random);
    test::let_everyone_ring(bob);
    REQUIRE(bob.learn_devices(list));
    while (bob.event()) continue;
    talk(bob, second);
    CHECK(dial(alice, bob).error() == Error::revoked);
    REQUIRE(bob.remove_device(lost));
    REQUIRE(alice.learn_devices(*bob.publish_devices()));
    talk(alice, bob);
    talk(alice, second);
}

TEST_CASE_FIXTURE(Fixture, "an account has at most 32 devices") {
    for (int n = 1; n < 32; ++n) REQUIRE(bob.certify(DeviceRequest::create(random).key()));
    CHECK(bob.certify(DeviceRequest::create(random).key()).error() == Error::too_large);
    CHECK(alice.learn_devices(*bob.publish_devices()));
    for (int n = 1; n < 200; ++n) REQUIRE(bob.publish_devices());
}

TEST_CASE_FIXTURE(Fixture, "somebody who certifies another's device takes neither its sessions nor its place") {
    talk(alice, bob);
    const auto mallory = crypto::Identity::generate(random);
    auto claimed = *crypto::parse_bundle(*bob.bundle());
    claimed.owner = crypto::certify(mallory, bob.device());
    auto call = alice.dial(mallory.public_identity(), crypto::encode(claimed), voice, now);
    REQUIRE(call);
    Buffer bytes;
    CHECK(bob.receive(next_signal(*call, bytes).bytes, now).error() == Error::forged);
    CHECK_FALSE(alice.event());
    talk(alice, bob);
    talk(bob, alice);
    // Nor does a list of hers revoke it.
    const DeviceKey hers = crypto::Device::generate(mallory, random).key();
    REQUIRE(alice.learn_devices(crypto::encode(crypto::make_list(mallory, 1, {hers}))));
    CHECK(told<DeviceAdded>(alice, mallory.public_identity(), hers));
    CHECK(told<DeviceRemoved>(alice, mallory.public_identity(), bob.device()));
    talk(alice, bob);
}

TEST_CASE_FIXTURE(Fixture, "a signal of a call counts only from the device that the call is with") {
    Account second = linked(bob);
    talk(alice, second);
    auto calling = dial(alice, bob);
    REQUIRE(calling);
    // The same person's other device, which somehow knows the call's id, hangs it up.
    crypto::IdentitySeed seed;
    std::ranges::copy(bob.seed()->reveal(), seed.fill().begin());
    const auto device = crypto::Device::generate(crypto::Identity::from_seed(seed), random);
    auto session = *crypto::Session::initiate(device, *crypto::parse_bundle(*alice.bundle()), random);
    const auto hang_up = *call::encode({.call = calling->id(), .body = call::HangUp{EndReason::declined}});
    CHECK(alice.receive(session.seal(hang_up, crypto::Step::keep)->message, now).error() == Error::unknown_call);
    CHECK(calling->state() == CallState::calling);
}

TEST_CASE_FIXTURE(Fixture, "a call that rings from a device which is revoked meanwhile can't be answered") {
    talk(alice, bob);
    Account second = linked(bob);
    auto calling = dial(second, alice);
    REQUIRE(calling);
    Buffer bytes;
    auto ringing = alice.receive(next_signal(*calling, bytes).bytes, now);
    REQUIRE((ringing && *ringing));
    REQUIRE(bob.remove_device(second.device()));
    REQUIRE(alice.learn_devices(*bob.publish_devices()));
    CHECK((*ringing)->state() == CallState::ended);
    CHECK((*ringing)->accept(voice, now).error() == Error::wrong_state);
}

TEST_CASE_FIXTURE(Fixture, "a call with a device that is revoked ends") {
    Account second = linked(bob);
    const Buffer first_message = offer_to(alice, second);
    auto calling = dial(alice, second);
    REQUIRE(calling);
    Buffer bytes;
    auto ringing = second.receive(next_signal(*calling, bytes).bytes, now);
    REQUIRE((ringing && *ringing));
    REQUIRE((*ringing)->accept(voice, now));
    REQUIRE(alice.receive(next_signal(**ringing, bytes).bytes, now));
    REQUIRE(calling->state() == CallState::active);
    REQUIRE(bob.remove_device(second.device()));
    REQUIRE(alice.learn_devices(*bob.publish_devices()));
    CHECK(calling->state() == CallState::ended);
}
