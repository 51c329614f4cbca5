// 100,000 rings by 1,000 callers who may not ring, in one virtual second of a call that goes on beside them.
#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "sim/two_party.h"
#include "support/unwelcome_caller.h"

using namespace sotto;
using namespace sotto::test;
using namespace std::chrono_literals;

namespace {

constexpr CallSettings voice{.video = false};

struct Outcome {
    std::vector<std::int16_t> heard;
    int rang = 0, not_permitted = 0, replayed = 0;  // the last: of sessions that were given up
    std::size_t grown = 0;                          // since a tenth of the rings had come
};

Outcome call_through(TwoParty& world, std::vector<UnwelcomeCaller>& callers, int rings) {
    constexpr int steps = 200;
    Outcome outcome;
    std::size_t early = 0;
    for (int step = 0; step < steps; ++step) {
        world.talk(5ms, voice);
        for (int i = 0; i < rings / steps; ++i) {
            UnwelcomeCaller& caller = callers[static_cast<std::size_t>(step * (rings / steps) + i) % callers.size()];
            const auto received = world.callee.account.receive(caller.offer(), world.now);
            if (received) {
                ++outcome.rang;
            } else {
                ++(received.error() == Error::not_permitted ? outcome.not_permitted : outcome.replayed);
                if (received.error() != Error::not_permitted) CHECK(received.error() == Error::replayed);
            }
        }
        if (step == steps / 10) early = held();
    }
    const std::size_t late = held();
    outcome.grown = late > early ? late - early : 0;
    outcome.heard = world.callee.heard;
    return outcome;
}

}  // namespace

TEST_CASE("of 100,000 rings by 1,000 who lack what it takes none rings, memory stays, and a call loses nothing") {
    const auto run = [](bool flood) {
        TwoParty world(67);
        Account& callee = world.callee.account;
        SeededRandom random(68);
        std::vector<UnwelcomeCaller> callers;
        callers.reserve(1000);
        while (callers.size() < 1000) callers.emplace_back(callee, random, five[callers.size() % five.size()]);
        world.connect(voice);
        world.caller.keeps_heard = false;
        world.callee.heard.reserve(100 * 960);  // so that what grows is not the test
        constexpr int rings = 100000;
        const Outcome outcome = call_through(world, callers, flood ? rings : 0);
        CHECK(outcome.rang == 0);
        const ReasonCounts& decisions = callee.decisions();
        CHECK(decisions[Reason::contact] == 1);  // the call under way
        if (!flood) return outcome.heard;

        MESSAGE("refused ", outcome.not_permitted, " by policy and ", outcome.replayed, " replayed; grown by ",
                outcome.grown, " bytes; sessions given up ", callee.sessions_given_up());
        CHECK(outcome.not_permitted + outcome.replayed == rings);
        CHECK(callee.refused().total() == rings);
        CHECK(decisions[Reason::not_contact] == rings / 5);
        CHECK(decisions[Reason::capability_revoked] == rings / 5);
        CHECK(decisions[Reason::capability_not_shown] == rings / 5);
        CHECK(decisions[Reason::no_capability] + static_cast<std::uint64_t>(outcome.replayed) == rings / 5 * 2);
        CHECK(decisions[Reason::no_capability] >= 400);
        CHECK(callee.sessions_given_up() == 400 - 256);
        CHECK(callee.silenced_calls().size() == 64);
        CHECK(world.callee.signals_sent == 2);  // that the call under way rings, and the answer to it
        CHECK(outcome.grown < 64 * 1024);
        return outcome.heard;
    };
    const auto quiet = run(false);
    CHECK(quiet.size() > 40 * 960);
    CHECK((run(true) == quiet));
}
