// Answers that a carrier loses: they are repeated until something shows that they came.
#include <doctest/doctest.h>

#include <algorithm>

#include "sim/middle.h"
#include "support/policy.h"

using namespace sotto;
using namespace sotto::test;
using namespace std::chrono_literals;

namespace {

// A call that is answered by the callee's user, or by whoever yields when both dial. Loses the first answers, and notes
// when each was said.
class LostAnswers {
  public:
    LostAnswers(std::uint64_t seed, bool glare, std::size_t losses) : world(seed), middle(world) {
        let_everyone_ring(world.caller.account);
        if (glare) dials(world.callee, world.caller);
        dials(world.caller, world.callee);
        if (glare && world.caller.call->id() < world.callee.call->id()) answerer = &world.callee;
        if (glare && world.callee.call->id() < world.caller.call->id()) answerer = &world.caller;
        middle.treat = [this, losses](std::size_t index) {
            const Carried& said = middle.seen[index];
            if (&middle.sender(said) == answerer && is_answer(said.bytes)) {
                times.push_back(world.now - answered);
                if (times.size() <= losses) return;
            }
            middle.pass(index);
        };
        world.settle();
        answered = world.now;
        if (!glare) REQUIRE(world.callee.call->accept(voice, world.now));
        world.settle();
    }

    TwoParty world;
    Middle middle;
    Side* answerer = &world.callee;
    Instant answered{world.now};
    std::vector<Duration> times{};  // of the answers, since the first

  private:
    void dials(Side& from, Side& to) {
        auto call = from.account.dial(to.account.identity(), *to.account.bundle(), voice, world.now);
        REQUIRE(call);
        from.call.emplace(std::move(*call));
    }
    // The second thing that its sender says in a call: after the ringing, or after its own offer.
    bool is_answer(const Buffer& bytes) {
        if (answer_.empty() && said_++ == 1) answer_ = bytes;
        return bytes == answer_;
    }

    std::size_t said_ = 0;
    Buffer answer_{};
};

std::vector<Duration> first(std::size_t n) {
    const std::vector<Duration> all{0s, 1s, 3s, 7s, 15s};
    return {all.begin(), all.begin() + static_cast<std::ptrdiff_t>(n)};
}

}  // namespace

TEST_CASE("a lost answer is repeated, byte for byte, and the call works as if the last had been the first") {
    for (const bool glare : {false, true}) {
        for (const std::size_t losses : {0U, 1U, 2U, 4U}) {
            CAPTURE(glare);
            CAPTURE(losses);
            LostAnswers lost(421, glare, losses);
            TwoParty& world = lost.world;
            world.talk(900ms, voice);
            CHECK(lost.times == first(1));
            world.talk(18s, voice);
            CHECK(lost.times == first(losses + 1));
            for (const Side* const side : {&world.caller, &world.callee}) {
                CHECK(side->call->state() == CallState::active);
                CHECK(side->played > 30);
                // Whoever waits for the answer to an offer that crossed another repeats that.
                const bool offer_again = glare && side == lost.answerer;
                if (!offer_again) CHECK(side->signal_errors.empty());
                CHECK(std::ranges::count(side->signal_errors, Error::replayed) == std::ssize(side->signal_errors));
            }
            REQUIRE(world.caller.call->short_auth());
            CHECK(world.caller.call->short_auth() == world.callee.call->short_auth());
        }
    }
}

TEST_CASE("answers that are all lost are five, and the call ends by the silence") {
    LostAnswers lost(422, false, 100);
    TwoParty& world = lost.world;
    world.talk(70s, voice);
    CHECK(lost.times == first(5));
    CHECK(world.callee.ended->reason == EndReason::lost);
    CHECK(world.caller.ended->reason == EndReason::not_answered);
}

TEST_CASE("no answer is repeated once media or a signal of the caller's has come, or the call has ended") {
    enum class Shows : std::uint8_t { media, signal, end };
    for (const Shows shows : {Shows::media, Shows::signal, Shows::end}) {
        CAPTURE(static_cast<int>(shows));
        LostAnswers lost(423, false, 1);
        TwoParty& world = lost.world;
        if (shows == Shows::end) world.callee.call->hang_up(world.now);
        const auto treat = lost.middle.treat;
        if (shows == Shows::media) {
            lost.middle.treat = [&](std::size_t index) {
                if (&lost.middle.sender(lost.middle.seen[index]) == &world.callee) treat(index);
            };
        }
        if (shows == Shows::signal) world.relay = [](Side&, Bytes) {};
        world.talk(19s, voice);
        CHECK(lost.times == first(shows == Shows::end ? 1 : 2));
        CHECK(world.callee.call->short_auth().has_value() == (shows == Shows::signal));
        CHECK((world.callee.played > 0) == (shows == Shows::media));
    }
}

TEST_CASE("an answer that came is repeated where nothing of the caller's comes back, and changes nothing there") {
    TwoParty deaf(424);
    Middle middle(deaf);
    middle.treat = [&](std::size_t index) {
        if (index == 0 || !middle.seen[index].to_callee) middle.pass(index);
    };
    REQUIRE(deaf.dial(voice));
    REQUIRE(deaf.callee.call->accept(voice, deaf.now));
    deaf.relay = [&](Side& to, Bytes datagram) {
        if (&to == &deaf.caller) static_cast<void>(deaf.receive(to, datagram));
    };
    deaf.talk(19s, voice);
    CHECK(deaf.caller.signal_errors == std::vector<Error>(4, Error::replayed));
    CHECK(deaf.caller.call->state() == CallState::active);
    CHECK(deaf.caller.played > 1000);
}
