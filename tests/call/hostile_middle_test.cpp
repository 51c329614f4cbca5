// A signalling server under an attacker: it drops, delays, reorders, replays, duplicates, changes and invents signals.
// A call works untouched or ends with a name for it, and nobody rings by it.
#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "sim/middle.h"

using namespace sotto;
using namespace sotto::test;
using namespace std::chrono_literals;

namespace {

// As a call ends in which nothing was touched.
const Outcome whole{.reason = EndReason::hung_up, .talked = true, .string = true, .route = true};

std::pair<Outcome, Outcome> call_through(const std::function<void(Middle&, std::size_t)>& treat, std::uint64_t seed) {
    TwoParty world(seed);
    Middle middle(world);
    middle.treat = [&](std::size_t index) { treat(middle, index); };
    middle.call();
    if (world.caller.call->short_auth() && world.callee.call && world.callee.call->short_auth()) {
        CHECK(world.caller.call->short_auth() == world.callee.call->short_auth());
    }
    return {outcome(world.caller), outcome(world.callee)};
}

Outcome without_string(Outcome outcome) {
    outcome.string = false;
    return outcome;
}
Outcome without_route(Outcome outcome) {
    outcome.route = false;
    return outcome;
}
Outcome with(Outcome outcome, std::vector<Error> errors) {
    outcome.errors = std::move(errors);
    return outcome;
}

Seen seen_by_both(const Middle& middle) {
    CHECK(with(outcome(middle.world.caller), {}) == whole);
    CHECK(with(outcome(middle.world.callee), {}) == whole);
    CHECK(middle.seen.size() == said_in_a_call);
    CHECK(middle.world.caller.played > 80);
    CHECK(middle.world.callee.played > 80);
    return seen(middle.world);
}
Seen undisturbed(std::uint64_t seed) {
    TwoParty world(seed);
    Middle middle(world);
    middle.call();
    CHECK(outcome(world.caller) == whole);
    CHECK(outcome(world.callee) == whole);
    return seen_by_both(middle);
}

// Runs `run` once for each row of choices that it can make; it asks for one of n.
template <class Run>
int for_every_choice(Run run) {
    std::vector<std::pair<std::size_t, std::size_t>> path;  // chosen, of how many
    int runs = 0;
    do {
        std::size_t asked = 0;
        run([&](std::size_t n) {
            if (asked == path.size()) path.emplace_back(0, n);
            return path[asked++].first;
        });
        ++runs;
        while (!path.empty() && path.back().first + 1 == path.back().second) path.pop_back();
        if (!path.empty()) ++path.back().first;
    } while (!path.empty());
    return runs;
}

}  // namespace

TEST_CASE("whichever one signal of a call is dropped, the call works or ends with a name for it") {
    using enum EndReason;
    const auto drop = [](Said which) {
        return call_through(
            [which](Middle& middle, std::size_t index) {
                if (index != static_cast<std::size_t>(which)) middle.pass(index);
            },
            401);
    };
    using Both = std::pair<Outcome, Outcome>;
    // Nobody rings, and the hang-up after 60 s is of a call that the callee never heard of.
    CHECK(drop(Said::offer) == Both({.reason = not_answered}, {.errors = {Error::unknown_call}}));
    CHECK(drop(Said::ringing) == Both(whole, whole));
    CHECK(drop(Said::answer) == Both(whole, whole));  // it is repeated
    CHECK(drop(Said::callees_route) == Both(without_route(whole), whole));
    CHECK(drop(Said::reveal) == Both(whole, without_string(whole)));
    CHECK(drop(Said::callers_route) == Both(whole, without_route(whole)));
    for (const Said said : {Said::rekey, Said::media, Said::question, Said::rekeyed, Said::refusal}) {
        CHECK(drop(said) == Both(whole, whole));
    }
    CHECK(drop(Said::hang_up) == Both(whole, whole));  // by RTCP's BYE
}

TEST_CASE("a server and a relay that both fall silent at the end leave a call that ends as lost") {
    TwoParty world(402);
    Middle middle(world);
    middle.treat = [&](std::size_t index) {
        if (index != static_cast<std::size_t>(Said::hang_up)) return middle.pass(index);
        world.relay = [](Side&, Bytes) {};
    };
    middle.call();
    CHECK(outcome(world.caller) == whole);
    CHECK(world.callee.ended->reason == EndReason::lost);
}

TEST_CASE("whichever one signal of a call is delayed, the call works, and what comes after its end is refused") {
    const auto delay = [](std::size_t which, Duration by) {
        return call_through(
            [which, by](Middle& middle, std::size_t index) {
                if (index != which) return middle.pass(index);
                middle.delay(index, by);
            },
            403);
    };
    for (std::size_t which = 0; which < said_in_a_call; ++which) {
        CAPTURE(which);
        const auto [caller, callee] = delay(which, 400ms);
        CHECK(caller == whole);
        CHECK(callee == whole);
    }
    using enum EndReason;
    using Both = std::pair<Outcome, Outcome>;
    const auto delay_long = [&](Said which) { return delay(static_cast<std::size_t>(which), 70s); };
    // The hang-up was there first: what it ended does not ring.
    CHECK(delay_long(Said::offer) ==
          Both({.reason = not_answered}, {.errors = {Error::unknown_call, Error::unknown_call}}));
    CHECK(delay_long(Said::ringing) == Both(whole, whole));
    CHECK(delay_long(Said::answer) == Both(with(whole, {Error::replayed}), whole));  // it was repeated
    CHECK(delay_long(Said::callees_route) == Both(with(without_route(whole), {Error::wrong_state}), whole));
    CHECK(delay_long(Said::reveal) == Both(whole, with(without_string(whole), {Error::wrong_state})));
    CHECK(delay_long(Said::callers_route) == Both(whole, with(without_route(whole), {Error::wrong_state})));
    for (const Said said : {Said::rekey, Said::media, Said::question}) {
        CHECK(delay_long(said) == Both(whole, with(whole, {Error::wrong_state})));
    }
    for (const Said said : {Said::rekeyed, Said::refusal}) {
        CHECK(delay_long(said) == Both(with(whole, {Error::wrong_state}), whole));
    }
    CHECK(delay_long(Said::hang_up) == Both(whole, whole));
}

TEST_CASE("in whatever order a call's signals arrive nothing is refused, and both show the same string") {
    const int orders = for_every_choice([](const auto& choose) {
        TwoParty world(404);
        Middle middle(world);
        std::vector<std::size_t> held;
        middle.treat = [&](std::size_t index) { held.push_back(index); };
        REQUIRE(world.dial(voice));
        REQUIRE(world.caller.call->set_route(as_bytes("to the caller")));
        while (!held.empty()) {
            const auto next = held.begin() + static_cast<std::ptrdiff_t>(choose(held.size()));
            middle.pass(*next);
            held.erase(next);
            world.settle();
            middle.accept();
            world.settle();
        }
        CHECK(world.caller.active);
        CHECK(world.callee.active);
        CHECK(world.caller.route == "to the callee");
        CHECK(world.callee.route == "to the caller");
        CHECK(world.caller.signal_errors.empty());
        CHECK(world.callee.signal_errors.empty());
        REQUIRE(world.caller.call->short_auth());
        CHECK(world.caller.call->short_auth() == world.callee.call->short_auth());
        world.talk(100ms, voice);
        CHECK(world.caller.played > 0);
        CHECK(world.callee.played > 0);
    });
    CHECK(orders == 40);  // of five after the offer, two of which follow on the answer: 5! / 3
}

TEST_CASE("whenever the caller hangs up and in whatever order signals arrive, both end, and the next call works") {
    TwoParty world(405);
    Middle middle(world);
    std::set<std::pair<EndReason, bool>> ends;
    std::set<Error> errors;
    const int orders = for_every_choice([&](const auto& choose) {
        middle.forget();
        std::vector<std::size_t> held;
        middle.treat = [&](std::size_t index) { held.push_back(index); };
        bool up = false;
        REQUIRE(world.dial(voice));
        while (!held.empty() || !up) {
            const std::size_t chosen = choose(held.size() + (up ? 0 : 1));
            if (chosen == held.size()) {
                world.caller.call->hang_up(world.now);
                up = true;
            } else {
                middle.pass(held[chosen]);
                held.erase(held.begin() + static_cast<std::ptrdiff_t>(chosen));
            }
            world.settle();
            middle.accept();
            world.settle();
        }
        world.talk(40ms, voice);  // the BYE, if there was talk
        CHECK(world.caller.call->state() == CallState::ended);
        if (world.callee.call) CHECK(world.callee.call->state() == CallState::ended);
        ends.emplace(world.caller.ended->reason, world.callee.call.has_value());
        for (const Side* const side : {&world.caller, &world.callee}) {
            errors.insert(side->signal_errors.begin(), side->signal_errors.end());
        }
        world.now += 1h;  // no policy minds so many calls
    });
    MESSAGE(orders, " orders");
    CHECK(orders > 40);
    using enum EndReason;
    // Never heard of by the callee, stopped ringing or answered too late, and hung up.
    CHECK(ends == std::set<std::pair<EndReason, bool>>{{cancelled, false}, {cancelled, true}, {hung_up, true}});
    CHECK(errors == std::set<Error>{Error::wrong_state, Error::unknown_call});
    middle.forget();
    middle.treat = nullptr;
    middle.call();
    CHECK(outcome(world.caller) == whole);
    CHECK(outcome(world.callee) == whole);
}

TEST_CASE(
    "all that was ever said, replayed to both at the end and during the next call, is refused and changes nothing") {
    const auto next_call = [](bool replays) {
        TwoParty world(406);
        Middle middle(world);
        middle.call();
        const std::vector<Carried> first = middle.seen;
        CHECK(first.size() == said_in_a_call);
        std::uint64_t given = 0, taken = 0;
        const std::uint64_t refused = world.caller.account.refused().total() + world.callee.account.refused().total();
        const auto replay = [&](const std::vector<Carried>& signals) {
            for (const Carried& signal : signals) {
                for (Side* const to : {&world.caller, &world.callee}) {  // to whom it was not meant, too
                    ++given;
                    taken += middle.give(*to, signal.bytes) ? 1 : 0;
                }
            }
        };
        if (replays) replay(first);
        middle.forget();
        if (replays) {
            middle.each_step = [&] {
                replay(first);
                if (world.callee.call && world.callee.call->state() == CallState::active) replay(middle.seen);
            };
        }
        middle.call();
        CHECK(taken == 0);
        if (replays) CHECK(given > 1000);
        CHECK(world.caller.account.refused().total() + world.callee.account.refused().total() == refused + given);
        return seen_by_both(middle);
    };
    CHECK(next_call(true) == next_call(false));
}

TEST_CASE("each signal twice, or given back to who sent it, is refused once and changes nothing") {
    TwoParty world(407);
    Middle middle(world);
    middle.treat = [&](std::size_t index) {
        middle.pass(index);
        middle.pass(index);
        middle.sender(middle.seen[index]).signals.push_back(middle.seen[index].bytes);
    };
    middle.call();
    const Seen doubled = seen_by_both(middle);
    CHECK(world.caller.signal_errors.size() + world.callee.signal_errors.size() == 2 * said_in_a_call);
    for (const Side* const side : {&world.caller, &world.callee}) {
        for (const Error error : side->signal_errors) {
            CAPTURE(name(error));
            const bool named = error == Error::replayed || error == Error::unknown_session ||
                               error == Error::unknown_prekey || error == Error::not_permitted;
            CHECK(named);
        }
    }
    CHECK(doubled == undisturbed(407));
}

TEST_CASE("a bit flipped in any byte of any signal is refused, and the genuine one after it changes nothing") {
    TwoParty world(408);
    Middle middle(world);
    SeededRandom random(9408);
    std::size_t flips = 0, taken = 0;
    middle.treat = [&](std::size_t index) {
        Buffer changed = middle.seen[index].bytes;
        for (std::byte& byte : changed) {
            const std::byte kept = byte;
            byte ^= static_cast<std::byte>(1U << random.below(8));
            ++flips;
            taken += middle.give(middle.receiver(middle.seen[index]), changed) ? 1 : 0;
            byte = kept;
        }
        middle.pass(index);
    };
    middle.call();
    CHECK(taken == 0);
    std::size_t bytes = 0;
    for (const Carried& signal : middle.seen) bytes += signal.bytes.size();
    CHECK(flips == bytes);
    CHECK(flips > 8000);
    CHECK(world.caller.account.refused().total() + world.callee.account.refused().total() == flips);
    CHECK(seen_by_both(middle) == undisturbed(408));
}
