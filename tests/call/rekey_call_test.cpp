// New keys during whole calls, in virtual time.
#include <doctest/doctest.h>

#include "sim/two_party.h"
#include "support/seeds.h"

using namespace sotto;
using namespace sotto::test;
using namespace std::chrono_literals;

namespace {

const CallSettings sound_only{.video = false};
const LinkConditions rough{.delay = 40ms, .jitter = 25ms, .loss = 0.1, .duplicated = 0.1};

std::uint32_t generation(const Side& side) { return side.call->stats().epoch >> 16; }
std::uint32_t epoch(const Side& side) { return side.call->stats().epoch & 0xffff; }

// Every packet that arrived was under keys that were there.
void check_keys_fit(const TwoParty& world) {
    for (const Side* const side : {&world.caller, &world.callee}) {
        const RefusalCounts refused = side->call->stats().refused;
        CHECK(refused[Error::unknown_epoch] == 0);
        CHECK(refused[Error::forged] == 0);
        CHECK(refused[Error::key_exhausted] == 0);
        CHECK(refused[Error::malformed] == 0);
    }
}

}  // namespace

TEST_CASE("through epochs and generations on a rough network no packet lacks its key, and the sound goes on") {
    const std::uint64_t seed = 70;
    CAPTURE(seed);
    TwoParty world(seed, rough);
    world.connect(sound_only);
    world.talk(390s, sound_only);  // 6:30: epochs 1 to 3, at 4:00 a generation, its epochs 1 and 2
    check_keys_fit(world);
    for (const Side* const side : {&world.caller, &world.callee}) {
        const CallStats stats = side->call->stats();
        CHECK(generation(*side) == 1);
        CHECK(epoch(*side) == 2);
        CHECK(stats.epochs_begun >= 7);
        CHECK(stats.epochs_begun <= 8);  // 4:00 is the end of an epoch, too
        CHECK(stats.generations_agreed == 2);
        CHECK(side->played >= 19400);
        CHECK(stats.refused[Error::replayed] > 500);  // the doubles
        CHECK(side->signal_errors.empty());
    }
}

TEST_CASE(
    "epochs go on, and calls with them, when no signal arrives any more, and what is asked for stays within bounds") {
    TwoParty world(71);
    world.connect(sound_only);
    world.signal_loss = 1;
    const int before = world.caller.signals_sent;
    world.talk(330s, sound_only);
    check_keys_fit(world);
    for (const Side* const side : {&world.caller, &world.callee}) {
        CHECK(generation(*side) == 0);
        CHECK(epoch(*side) == 5);
        CHECK(side->played >= 16400);
        CHECK_FALSE(side->ended);
    }
    CHECK(world.caller.signals_sent - before == 4);  // at 4:00, and 10, 30 and 70 s later
    world.signal_loss = 0;
    world.talk(60s, sound_only);
    CHECK(generation(world.caller) > 0);
    CHECK(generation(world.callee) == generation(world.caller));
    check_keys_fit(world);
}

TEST_CASE("a call goes past 256 generations, where an MKI's byte begins anew") {
    TwoParty world(79);
    world.connect(sound_only);
    for (int asked = 0; asked < 260; ++asked) {
        REQUIRE(world.caller.call->rekey());
        world.talk(200ms, sound_only);
    }
    CHECK(generation(world.caller) >= 260);
    CHECK(generation(world.callee) == generation(world.caller));
    check_keys_fit(world);
}

TEST_CASE("a client that wants new keys has them at once, both ways, whoever asks and however often") {
    TwoParty world(72);
    world.connect(sound_only);
    world.talk(1s, sound_only);
    for (const bool by_caller : {true, false, false, true, true}) {
        Side& asks = by_caller ? world.caller : world.callee;
        const std::uint32_t before = generation(asks);
        CAPTURE(before);
        REQUIRE(asks.call->rekey());
        CHECK(asks.call->deadline() <= world.now);
        world.settle();
        CHECK(generation(asks) > before);
        world.talk(100ms, sound_only);  // more than a way there and back
        CHECK(generation(world.callee) == generation(world.caller));
    }
    check_keys_fit(world);
    CHECK(world.caller.concealed + world.callee.concealed == 0);
    CHECK(world.caller.call->stats().generations_agreed == generation(world.caller) + 1);
}

TEST_CASE("new keys one right after another lose nothing on a rough network with pictures") {
    const CallSettings tiny{.video_width = 16, .video_height = 16, .video_frame_rate = 10};
    for (const std::uint64_t seed : seeds(80, 4)) {
        CAPTURE(seed);
        TwoParty world(seed, rough);
        world.connect(tiny);
        for (int i = 0; i < 20; ++i) {
            static_cast<void>((i % 3 == 0 ? world.callee : world.caller).call->rekey());
            world.talk(300ms, tiny);
        }
        world.talk(3s, tiny);
        check_keys_fit(world);
        CHECK(generation(world.caller) >= 20);
        CHECK(generation(world.callee) == generation(world.caller));
        CHECK(world.callee.shown > 40);
    }
}

TEST_CASE("a lost request or answer is made good by the next") {
    for (const bool request : {true, false}) {
        CAPTURE(request);
        TwoParty world(73);
        world.connect(sound_only);
        REQUIRE(world.caller.call->rekey());
        if (request) world.signal_loss = 1;
        const auto output = world.caller.call->poll(world.now);
        REQUIRE(output);
        REQUIRE(std::holds_alternative<Signal>(*output));
        if (!request) {
            REQUIRE(world.callee.account.receive(std::get<Signal>(*output).bytes, world.now));
            world.signal_loss = 1;  // of the answer
        }
        world.talk(9s, sound_only);
        CHECK(generation(world.caller) == 0);
        CHECK(generation(world.callee) == 0);
        world.signal_loss = 0;
        world.talk(2s, sound_only);
        CHECK(generation(world.caller) == 2);
        CHECK(generation(world.callee) == 2);
        check_keys_fit(world);
    }
}

TEST_CASE("when both ask at once they agree on the caller's, and the callee's is refused") {
    TwoParty world(74);
    world.connect(sound_only);
    world.talk(1s, sound_only);
    REQUIRE(world.caller.call->rekey());
    REQUIRE(world.callee.call->rekey());
    world.talk(200ms, sound_only);
    CHECK(world.caller.signal_errors == std::vector{Error::wrong_state});
    CHECK(world.callee.signal_errors.empty());
    for (const Side* const side : {&world.caller, &world.callee}) {
        CHECK(generation(*side) == 1);
        CHECK(side->call->stats().generations_agreed == 2);
    }
    check_keys_fit(world);
}

TEST_CASE("there are no new keys before a call is active, nor after its end") {
    TwoParty world(75);
    REQUIRE(world.dial(sound_only));
    CHECK(world.caller.call->rekey().error() == Error::wrong_state);
    CHECK(world.callee.call->rekey().error() == Error::wrong_state);
    REQUIRE(world.callee.call->accept(sound_only, world.now));
    world.settle();
    CHECK(world.caller.call->rekey());
    world.settle();
    CHECK(world.caller.call->stats().epoch == 65536);
    world.callee.call->hang_up(world.now);
    world.settle();
    CHECK(world.caller.call->rekey().error() == Error::wrong_state);
    CHECK(world.caller.call->stats().epoch == 65536);  // what it was stays to be read
}
