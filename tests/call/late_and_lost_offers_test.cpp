// Offers that a carrier holds back until a later call, and offers that it loses while both dial at once.
#include <doctest/doctest.h>

#include "sim/middle.h"
#include "sotto/store.h"
#include "support/policy.h"
#include "support/store.h"

using namespace sotto;
using namespace sotto::test;
using namespace std::chrono_literals;

namespace {

// The caller's offer and the hang-up after it, of a call that the callee never hears of.
std::vector<Carried> held_back(Middle& middle) {
    TwoParty& world = middle.world;
    middle.treat = [](std::size_t) {};
    REQUIRE(world.dial(voice));
    world.caller.call->hang_up(world.now);
    world.settle();
    CHECK_FALSE(world.callee.call);
    std::vector<Carried> held = middle.seen;
    REQUIRE(held.size() == 2);
    middle.forget();
    middle.treat = nullptr;
    return held;
}

void dial(TwoParty& world, Side& from, Side& to) {
    let_everyone_ring(to.account);
    auto call = from.account.dial(to.account.identity(), *to.account.bundle(), voice, world.now);
    REQUIRE(call);
    from.call.emplace(std::move(*call));
}

}  // namespace

TEST_CASE("an offer held back and let go in a later call is outdated and changes nothing, whoever dialled that one") {
    for (const bool callee_dials : {false, true}) {
        for (const bool met : {false, true}) {
            CAPTURE(callee_dials);
            CAPTURE(met);
            TwoParty world(409);
            Middle middle(world);
            if (met) middle.call();
            middle.forget();
            const std::vector<Carried> held = held_back(middle);
            Side& from = callee_dials ? world.callee : world.caller;
            Side& to = callee_dials ? world.caller : world.callee;
            dial(world, from, to);
            world.settle();
            REQUIRE(to.call);
            REQUIRE(to.call->accept(voice, world.now));
            world.talk(500ms, voice);

            CHECK(middle.give(world.callee, held[0].bytes).error() == Error::outdated);
            CHECK(middle.give(world.callee, held[1].bytes).error() == Error::unknown_call);
            const int played = world.callee.played;
            world.talk(media_timeout + 1s, voice);
            for (const Side* const side : {&world.caller, &world.callee}) {
                CHECK_FALSE(side->ended);
                CHECK(side->call->state() == CallState::active);
            }
            CHECK(world.callee.played > played + 1000);
        }
    }
}

TEST_CASE("of two offers held back the older crosses no call that the callee dials once it has heard the newer") {
    TwoParty world(410);
    Middle middle(world);
    const Buffer older = held_back(middle)[0].bytes, newer = held_back(middle)[0].bytes;
    auto rings = world.callee.account.receive(newer, world.now);
    REQUIRE((rings && *rings));
    (*rings)->hang_up(world.now);
    dial(world, world.callee, world.caller);
    CHECK(middle.give(world.callee, older).error() == Error::outdated);
    CHECK(world.callee.call->state() == CallState::calling);
}

TEST_CASE("an offer that the carrier says is old crosses no call and ends none, and rings where there is none") {
    struct Case {
        Duration age;
        bool talks, taken;
    };
    for (const Case& c : {Case{ring_timeout, false, true}, Case{ring_timeout + 1ns, false, false},
                          Case{ring_timeout, true, true}, Case{ring_timeout + 1ns, true, false}}) {
        CAPTURE(c.age.count());
        CAPTURE(c.talks);
        TwoParty world(415);
        Middle middle(world);
        const auto give = [&](Bytes offer) { return world.callee.account.receive(offer, world.now, c.age); };
        if (c.talks) world.connect(voice);
        middle.treat = [](std::size_t) {};
        if (c.talks) world.caller.call->hang_up(world.now);  // of which the callee hears nothing
        dial(world, world.caller, world.callee);
        world.settle();
        const Buffer offer = middle.seen.back().bytes;
        if (!c.talks) dial(world, world.callee, world.caller);
        const auto received = give(offer);
        CHECK(received.has_value() == c.taken);
        if (!c.taken) CHECK(received.error() == Error::outdated);
        if (!c.taken) CHECK(world.callee.call->state() == (c.talks ? CallState::active : CallState::calling));
        if (c.taken && c.talks) CHECK(world.callee.call->state() == CallState::ended);
    }
    TwoParty world(416);
    Middle middle(world);
    const Buffer offer = held_back(middle)[0].bytes;
    const auto rings = world.callee.account.receive(offer, world.now, 24h);
    CHECK((rings && *rings));
}

TEST_CASE("a late offer rings where no call is on: its sender's state may have been put back") {
    TwoParty world(411);
    Middle middle(world);
    const Buffer older = held_back(middle)[0].bytes;
    middle.call();
    middle.forget();
    CHECK(middle.give(world.callee, older) == true);
}

TEST_CASE("a device that restarts in the middle of a call and dials anew rings, for its numbers go on") {
    SeededRandom random(412);
    MemoryStore store;
    const auto open = [&] { return std::move(*Account::open(store, store_key(1), random)); };
    constexpr Instant now{1000s};
    std::optional<Account> alice(open());
    Account bob = open_to_everyone(random);
    const auto dials = [&] {
        auto call = alice->dial(bob.identity(), *bob.bundle(), voice, now);
        REQUIRE(call);
        auto rings = bob.receive(std::get<Signal>(*call->poll(now)).bytes, now);
        REQUIRE((rings && *rings));
        return std::move(**rings);
    };
    for (int i = 0; i < 3; ++i) dials().hang_up(now);
    Call lost = dials();
    REQUIRE(lost.accept(voice, now));
    alice.reset();
    alice.emplace(open());
    const Call anew = dials();
    CHECK(anew.state() == CallState::ringing);
    CHECK(lost.state() == CallState::ended);
}

TEST_CASE("both dial at once and the offer that counts is lost: it is repeated until it is answered") {
    for (const std::size_t losses : {1U, 2U, 4U}) {
        CAPTURE(losses);
        TwoParty world(413);
        Middle middle(world);
        dial(world, world.callee, world.caller);
        dial(world, world.caller, world.callee);
        const bool callers_counts = world.caller.call->id() < world.callee.call->id();
        std::size_t lost = 0;
        middle.treat = [&](std::size_t index) {
            const bool counts = middle.seen[index].to_callee == callers_counts;
            if (counts && lost < losses) {
                ++lost;
                return;
            }
            middle.pass(index);
        };
        world.talk(900ms, voice);
        CHECK(lost == 1);
        CHECK_FALSE(world.caller.active);
        world.talk(16s, voice);
        CHECK(lost == losses);
        for (const Side* const side : {&world.caller, &world.callee}) {
            CHECK(side->active);
            CHECK(side->call->state() == CallState::active);
            CHECK(side->played > 30);
            CHECK(side->signal_errors.empty());
        }
        CHECK(world.caller.call->short_auth() == world.callee.call->short_auth());
        // The very same bytes, and no more of them once they are answered.
        const bool to_callee = callers_counts;
        std::size_t offers = 0;
        const auto first = std::ranges::find(middle.seen, to_callee, &Carried::to_callee);
        for (const Carried& said : middle.seen) {
            offers += said.to_callee == to_callee && said.bytes == first->bytes ? 1 : 0;
        }
        CHECK(offers == losses + 1);
    }
}

TEST_CASE("an offer that counts and is answered at once is not repeated, and a call that ends repeats nothing") {
    for (const bool ends : {false, true}) {
        CAPTURE(ends);
        TwoParty world(414);
        Middle middle(world);
        dial(world, world.callee, world.caller);
        dial(world, world.caller, world.callee);
        Side& first = world.caller.call->id() < world.callee.call->id() ? world.caller : world.callee;
        if (ends) {
            middle.treat = [&](std::size_t index) {
                if (&middle.sender(middle.seen[index]) != &first) middle.pass(index);
            };
            world.settle();
            first.call->hang_up(world.now);
        }
        world.settle();
        const auto said = first.signals_sent;
        world.talk(10s, voice);
        CHECK(first.signals_sent == said);
        CHECK(first.call->state() == (ends ? CallState::ended : CallState::active));
    }
}
