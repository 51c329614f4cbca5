// Ringing, being busy, both dialling at once, and several devices, between accounts.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>

#include "sim/two_party.h"
#include "support/policy.h"

using namespace sotto;
using namespace sotto::test;
using namespace std::chrono_literals;

namespace {

constexpr CallSettings voice{.video = false};

// A client of one device: what its calls gave out, its signals in the order of their making.
struct Client {
    explicit Client(Account own) : account(std::move(own)) { let_everyone_ring(account); }

    void poll(Instant now) {
        for (Call& call : calls) {
            while (const auto output = call.poll(now)) {
                if (const auto* signal = std::get_if<Signal>(&*output)) {
                    said.push_back({signal->device, to_buffer(signal->bytes)});
                } else if (const auto* end = std::get_if<Ended>(&*output)) {
                    ended[call.id()] = end->reason;
                } else if (const auto* route = std::get_if<RemoteRoute>(&*output)) {
                    routes.push_back(to_buffer(route->route));
                }
                rings += std::holds_alternative<PeerRings>(*output) ? 1 : 0;
                activated += std::holds_alternative<Activated>(*output) ? 1 : 0;
                datagrams += std::holds_alternative<Datagram>(*output) ? 1 : 0;
            }
        }
    }
    Result<void> hear(Bytes signal, Instant now) {
        auto received = account.receive(signal, now);
        if (!received) return Failure(received.error());
        if (*received) calls.push_back(std::move(**received));
        return {};
    }
    Buffer take() {
        REQUIRE_FALSE(said.empty());
        Buffer signal = std::move(said.front().second);
        said.erase(said.begin());
        return signal;
    }
    void forget() { said.clear(); }
    Call& call() { return calls.back(); }

    Account account;
    std::vector<Call> calls{};
    std::vector<std::pair<DeviceKey, Buffer>> said{};
    std::map<CallId, EndReason> ended{};
    std::vector<Buffer> routes{};
    int rings = 0, activated = 0, datagrams = 0;
};

struct People {
    SeededRandom random{81};
    Instant now{std::chrono::seconds(1000)};
    Client alice{Account::create(random)}, bob{Account::create(random)};
    std::vector<std::unique_ptr<Client>> more{};  // devices of Bob's

    Client& device_of_bob() {
        DeviceRequest request = DeviceRequest::create(random);
        const auto certificate = bob.account.certify(request.key());
        REQUIRE(certificate);
        more.push_back(std::make_unique<Client>(std::move(*Account::join(std::move(request), *certificate, random))));
        return *more.back();
    }
    std::vector<Client*> everybody() {
        std::vector<Client*> all{&alice, &bob};
        for (const auto& client : more) all.push_back(client.get());
        return all;
    }
    void dial(Client& from, Client& to, const CallSettings& settings = voice) {
        auto call = from.account.dial(to.account.identity(), *to.account.bundle(), settings, now);
        REQUIRE(call);
        from.calls.push_back(std::move(*call));
        from.poll(now);
    }
    // Everything that is said arrives, until nobody says anything more.
    void carry() {
        for (bool quiet = false; !quiet;) {
            quiet = true;
            for (Client* const from : everybody()) {
                from->poll(now);
                for (; !from->said.empty(); from->said.erase(from->said.begin())) {
                    quiet = false;
                    for (Client* const to : everybody()) {
                        if (to->account.device() == from->said.front().first) {
                            static_cast<void>(to->hear(from->said.front().second, now));
                        }
                    }
                }
            }
        }
    }
};

}  // namespace

TEST_CASE_FIXTURE(People,
                  "a device that rings says so, once its client has seen the call, and the caller is told once") {
    dial(alice, bob);
    CHECK(alice.call().state() == CallState::calling);
    REQUIRE(bob.hear(alice.take(), now));
    CHECK(bob.call().deadline() <= now);
    carry();
    CHECK(alice.call().state() == CallState::alerting);
    CHECK(alice.rings == 1);
    CHECK(bob.call().state() == CallState::ringing);
    CHECK(alice.call().deadline() == now + ring_timeout);
    REQUIRE(bob.call().accept(voice, now));
    carry();
    CHECK(alice.call().state() == CallState::active);
    CHECK(alice.rings == 1);
}

TEST_CASE_FIXTURE(People, "a device at which nobody rings says nothing") {
    REQUIRE(bob.account.set_policy({}));  // contacts only
    dial(alice, bob);
    CHECK(bob.hear(alice.take(), now).error() == Error::not_permitted);
    bob.poll(now);
    CHECK(bob.said.empty());
    CHECK(alice.call().state() == CallState::calling);
}

TEST_CASE_FIXTURE(People, "news of a ringing device that the answer overtakes changes nothing") {
    dial(alice, bob);
    REQUIRE(bob.hear(alice.take(), now));
    bob.poll(now);
    const Buffer ringing = bob.take();
    REQUIRE(bob.call().accept(voice, now));
    bob.poll(now);
    REQUIRE(alice.hear(bob.take(), now));
    CHECK(alice.hear(ringing, now));
    alice.poll(now);
    CHECK(alice.call().state() == CallState::active);
    CHECK(alice.rings == 0);
    CHECK(alice.hear(ringing, now).error() == Error::replayed);
}

TEST_CASE_FIXTURE(People, "a callee may be busy, and only while it rings") {
    dial(alice, bob);
    CHECK(alice.call().busy(now).error() == Error::wrong_state);
    carry();
    REQUIRE(bob.call().busy(now));
    CHECK(bob.call().busy(now).error() == Error::wrong_state);
    carry();
    CHECK(alice.ended.at(alice.call().id()) == EndReason::busy);
    CHECK(bob.ended.at(bob.call().id()) == EndReason::busy);
}

TEST_CASE("of two who dial each other at once one call results, whoever is heard first") {
    for (const std::uint64_t seed : {1U, 2U, 3U, 4U, 5U, 6U}) {
        CAPTURE(seed);
        People people;
        people.random = SeededRandom(seed);
        auto& [random, now, alice, bob, more] = people;
        REQUIRE(alice.account.set_policy({.who = WhoMayRing::nobody}));  // to dial is to agree
        REQUIRE(bob.account.set_policy({.who = WhoMayRing::nobody}));
        people.dial(alice, bob);
        people.dial(bob, alice, {.video = true});
        const CallId smaller = std::min(alice.call().id(), bob.call().id());
        REQUIRE(alice.call().set_route(as_bytes("alice")));
        const Buffer of_alice = alice.take(), of_bob = bob.take();
        CHECK(bob.hear(of_alice, now));
        CHECK(alice.hear(of_bob, now));
        people.carry();
        for (Client* const side : {&alice, &bob}) {
            REQUIRE(side->calls.size() == 1);
            CHECK(side->call().state() == CallState::active);
            CHECK(side->call().id() == smaller);
            CHECK(side->activated == 1);
            CHECK(side->ended.empty());
        }
        CHECK(alice.call().offers_video());
        CHECK_FALSE(bob.call().offers_video());
        REQUIRE(alice.call().short_auth());
        CHECK(alice.call().short_auth() == bob.call().short_auth());
        REQUIRE(bob.routes.size() == 1);
        CHECK(std::ranges::equal(bob.routes[0], as_bytes("alice")));
        // Neither offer has any life left.
        CHECK_FALSE(bob.hear(of_alice, now));
        CHECK_FALSE(alice.hear(of_bob, now));
        CHECK(alice.calls.size() + bob.calls.size() == 2);
    }
}

TEST_CASE("an offer that was withdrawn and comes after the answer does not ring") {
    int late = 0;
    for (const std::uint64_t seed : {1U, 2U, 3U, 4U, 5U, 6U}) {
        CAPTURE(seed);
        People people;
        people.random = SeededRandom(seed);
        auto& [random, now, alice, bob, more] = people;
        people.dial(alice, bob);
        people.dial(bob, alice);
        Client& winner = alice.call().id() < bob.call().id() ? alice : bob;
        Client& loser = &winner == &alice ? bob : alice;
        const Buffer withdrawn = loser.take();
        REQUIRE(loser.hear(winner.take(), now));
        people.carry();
        REQUIRE(winner.call().state() == CallState::active);
        CHECK(winner.hear(withdrawn, now).error() == Error::unknown_call);
        CHECK(winner.calls.size() == 1);
        CHECK(winner.call().state() == CallState::active);
        ++late;
    }
    CHECK(late == 6);
}

TEST_CASE_FIXTURE(People,
                  "who rings here is not dialled, and a hang-up that overtakes its offer keeps it from ringing") {
    dial(alice, bob);
    carry();
    const auto refused = bob.account.dial(alice.account.identity(), *alice.account.bundle(), voice, now);
    REQUIRE_FALSE(refused);
    CHECK(refused.error() == Error::wrong_state);
    bob.call().hang_up(now);
    carry();

    dial(alice, bob);
    const Buffer offer = alice.take();
    alice.call().hang_up(now);
    alice.poll(now);
    CHECK(bob.hear(alice.take(), now).error() == Error::unknown_call);
    CHECK(bob.hear(offer, now).error() == Error::unknown_call);
    CHECK(bob.calls.size() == 1);
}

TEST_CASE_FIXTURE(People, "a device that has lost a call and dials anew rings, and the lost call ends") {
    dial(alice, bob);
    carry();
    REQUIRE(bob.call().accept(voice, now));
    carry();
    alice.calls.clear();  // its program ended without a word
    dial(alice, bob);
    carry();
    REQUIRE(bob.calls.size() == 2);
    CHECK(bob.calls[0].state() == CallState::ended);
    CHECK(bob.ended.at(bob.calls[0].id()) == EndReason::lost);
    CHECK(bob.calls[1].state() == CallState::ringing);
}

TEST_CASE_FIXTURE(People, "all devices of the callee ring, the one that answers has the call, and the others stop") {
    Client& tablet = device_of_bob();
    Client& desktop = device_of_bob();
    const std::vector<Buffer> bundles{*bob.account.bundle(), *tablet.account.bundle(), *desktop.account.bundle(),
                                      *tablet.account.bundle()};
    const std::vector<Bytes> views(bundles.begin(), bundles.end());
    auto call = alice.account.dial(bob.account.identity(), views, voice, now);
    REQUIRE(call);
    alice.calls.push_back(std::move(*call));
    alice.poll(now);
    CHECK(alice.said.size() == 3);
    carry();
    CHECK(alice.rings == 1);
    for (Client* const device : {&bob, &tablet, &desktop}) {
        REQUIRE(device->calls.size() == 1);
        CHECK(device->call().state() == CallState::ringing);
        CHECK(device->call().id() == alice.call().id());
    }
    SUBCASE("one answers") {
        REQUIRE(tablet.call().accept(voice, now));
        carry();
        CHECK(alice.call().state() == CallState::active);
        CHECK(tablet.call().state() == CallState::active);
        CHECK(alice.call().short_auth() == tablet.call().short_auth());
        for (Client* const device : {&bob, &desktop}) {
            CHECK(device->ended.at(device->call().id()) == EndReason::elsewhere);
            CHECK(device->call().accept(voice, now).error() == Error::wrong_state);
        }
    }
    SUBCASE("two answer at once") {
        REQUIRE(tablet.call().accept(voice, now));
        REQUIRE(desktop.call().accept(voice, now));
        tablet.poll(now);
        desktop.poll(now);
        REQUIRE(alice.hear(tablet.take(), now));
        CHECK(alice.hear(desktop.take(), now).error() == Error::unknown_call);
        carry();
        CHECK(alice.call().state() == CallState::active);
        CHECK(tablet.call().state() == CallState::active);
        CHECK(desktop.ended.at(desktop.call().id()) == EndReason::elsewhere);
        // The device that came too late has no say in the call.
        desktop.call().hang_up(now);
        carry();
        CHECK(alice.call().state() == CallState::active);
    }
    SUBCASE("one declines, for all") {
        desktop.call().hang_up(now);
        carry();
        CHECK(alice.ended.at(alice.call().id()) == EndReason::declined);
        CHECK(bob.ended.at(bob.call().id()) == EndReason::elsewhere);
        CHECK(tablet.ended.at(tablet.call().id()) == EndReason::elsewhere);
    }
    SUBCASE("the caller cancels") {
        alice.call().hang_up(now);
        carry();
        for (Client* const device : {&bob, &tablet, &desktop}) {
            CHECK(device->ended.at(device->call().id()) == EndReason::cancelled);
        }
    }
    SUBCASE("one is revoked, and the others ring on") {
        REQUIRE(bob.account.remove_device(tablet.account.device()));
        REQUIRE(alice.account.learn_devices(*bob.account.publish_devices()));
        CHECK(alice.call().state() == CallState::alerting);
        REQUIRE(tablet.call().accept(voice, now));
        carry();
        CHECK(alice.call().state() == CallState::alerting);
        REQUIRE(bob.call().accept(voice, now));
        carry();
        CHECK(alice.call().state() == CallState::active);
    }
}

TEST_CASE_FIXTURE(People, "one who dials several devices while one of them dials back is in one call with that one") {
    Client& tablet = device_of_bob();
    const std::vector<Buffer> bundles{*bob.account.bundle(), *tablet.account.bundle()};
    const std::vector<Bytes> views(bundles.begin(), bundles.end());
    auto call = alice.account.dial(bob.account.identity(), views, voice, now);
    REQUIRE(call);
    alice.calls.push_back(std::move(*call));
    dial(tablet, alice);
    carry();
    CHECK(alice.call().state() == CallState::active);
    CHECK(tablet.call().state() == CallState::active);
    CHECK(alice.call().id() == tablet.call().id());
    CHECK(bob.ended.at(bob.call().id()) == EndReason::elsewhere);
}
