// Sessions of which one side has nothing: begun with a prekey that was spoilt or spent, or given up by the other side.
// Who dials by one reaches nobody, and finds out.
#include <doctest/doctest.h>

#include "sim/two_party.h"
#include "support/policy.h"

using namespace sotto;
using namespace sotto::test;
using namespace std::chrono_literals;

namespace {

constexpr CallSettings voice{.video = false};

void dial_by(TwoParty& world, Bytes bundle) {
    auto dialled = world.caller.account.dial(world.callee.account.identity(), bundle, voice, world.now);
    REQUIRE(dialled);
    world.caller.call.emplace(std::move(*dialled));
    world.settle();
}

void talk(TwoParty& world) {
    REQUIRE(world.callee.call);
    REQUIRE(world.callee.call->accept(voice, world.now));
    world.talk(500ms, voice);
    for (const Side* const side : {&world.caller, &world.callee}) CHECK(side->played > 30);
    CHECK(world.caller.call->short_auth() == world.callee.call->short_auth());
}

// Rings out at the caller, who then dials by a bundle that the directory has not touched.
void dials_again(TwoParty& world) {
    world.caller.call->hang_up(world.now);
    world.settle();
    world.caller.call.reset();
    REQUIRE(world.dial(voice));
    talk(world);
}

struct Two {
    SeededRandom random{443};
    Account alice = open_to_everyone(random), bob = open_to_everyone(random);
    const Instant now{1000s};

    // The offer of a call that is given up at once.
    Buffer dial(Account& from, Account& to) {
        auto call = from.dial(to.identity(), *to.bundle(), voice, now);
        REQUIRE(call);
        Buffer offer = to_buffer(std::get<Signal>(*call->poll(now)).bytes);
        call->hang_up(now);
        return offer;
    }
    bool rings(Account& at, const Buffer& offer) const {
        auto call = at.receive(offer, now);
        if (!call || !*call) return false;
        (*call)->hang_up(now);
        return true;
    }
    // All that a call says arrives.
    void carry(Call& from, Account& to) const {
        while (const auto output = from.poll(now)) {
            if (const auto* signal = std::get_if<Signal>(&*output)) static_cast<void>(to.receive(signal->bytes, now));
        }
    }
};

}  // namespace

TEST_CASE("a bundle spoilt where nothing signs it costs one call, and the next by a true one rings") {
    for (const bool key : {true, false}) {
        CAPTURE(key);
        TwoParty world(440);
        Buffer bundle = *world.callee.account.bundle();
        bundle[key ? 1500 : 1483] ^= std::byte{1};
        dial_by(world, bundle);
        CHECK_FALSE(world.callee.call);
        CHECK(world.callee.signal_errors == std::vector{key ? Error::forged : Error::unknown_prekey});
        dials_again(world);
    }
}

TEST_CASE("a bundle spoilt and then handed out as it is begins anew, too: its ids are the same, its key is not") {
    TwoParty world(441);
    const Buffer bundle = *world.callee.account.bundle();
    Buffer spoilt = bundle;
    spoilt[1500] ^= std::byte{1};
    dial_by(world, spoilt);
    world.caller.call->hang_up(world.now);
    world.settle();
    dial_by(world, bundle);
    talk(world);
}

TEST_CASE("a bundle handed to two callers costs the second one call, and its next rings") {
    TwoParty world(442);
    Account& callee = world.callee.account;
    const Buffer bundle = *callee.bundle();
    Side first(9442);
    REQUIRE(callee.contacts().meet("first", first.account.identity()));
    const auto grant = callee.grant(first.account.identity(), *first.account.bundle());
    REQUIRE(first.account.contacts().meet("callee", callee.identity()));
    REQUIRE(first.account.receive(*grant, world.now));
    auto firsts = first.account.dial(callee.identity(), bundle, voice, world.now);
    const auto ringing = callee.receive(std::get<Signal>(*firsts->poll(world.now)).bytes, world.now);
    REQUIRE((ringing && *ringing));
    dial_by(world, bundle);
    CHECK_FALSE(world.callee.call);
    CHECK(world.callee.signal_errors == std::vector{Error::unknown_prekey});
    dials_again(world);
}

TEST_CASE_FIXTURE(Two, "a session that the other side gave up, and in which nothing was answered, is not dialled by") {
    // Bob has dialled before, with these prekeys of Alice's, so he dials by the session there is.
    REQUIRE(rings(alice, dial(bob, alice)));
    const Buffer only = dial(alice, bob);
    for (int lost = 0; lost < 8; ++lost) static_cast<void>(dial(alice, bob));
    REQUIRE(rings(bob, only));  // of what Alice said this alone arrives, and nothing that Bob says
    CHECK(rings(alice, dial(bob, alice)));
}

TEST_CASE_FIXTURE(Two, "dials that nobody hears push no session out that has served") {
    {
        auto alices = alice.dial(bob.identity(), *bob.bundle(), voice, now);
        REQUIRE(alices);
        auto bobs = bob.receive(std::get<Signal>(*alices->poll(now)).bytes, now);
        REQUIRE((bobs && *bobs));
        REQUIRE((*bobs)->accept(voice, now));
        carry(**bobs, alice);
        carry(*alices, bob);
        CHECK((*bobs)->short_auth());
    }
    // Bob renews his prekeys, so Alice begins anew, in vain: he is off.
    REQUIRE(bob.renew_prekeys());
    for (int lost = 0; lost < 8; ++lost) static_cast<void>(dial(alice, bob));
    const auto grant = bob.grant(alice.identity(), alice.device());
    REQUIRE(grant);
    CHECK(alice.receive(*grant, now));
}
