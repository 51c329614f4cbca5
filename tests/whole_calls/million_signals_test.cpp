// A million changed signals to one side of a call that goes on beside them.
#include <doctest/doctest.h>
#include <malloc.h>

#include <array>

#include "call/signal.h"
#include "crypto/locked.h"
#include "crypto/session.h"
#include "sim/middle.h"
#include "support/mutate.h"

using namespace sotto;
using namespace sotto::test;
using namespace std::chrono_literals;

namespace {

constexpr CallSettings small{.video_width = 320, .video_height = 180, .video_frame_rate = 15};
constexpr int steps = 400;  // of 10 ms

// All that the program holds, whoever asked for it.
std::size_t held() { return mallinfo2().uordblks + crypto::locked_memory().in_use; }

// Offers of somebody who may ring but for the change, and of a stranger; signals of the call, those that its side has
// taken and those that it has not.
struct Material {
    Material(TwoParty& world, Middle& middle) {
        Side contact(8001), stranger(8002);
        Account& callee = world.callee.account;
        REQUIRE(callee.contacts().meet("contact", contact.account.identity()));
        REQUIRE(contact.account.contacts().meet("callee", callee.identity()));
        const auto grant = callee.grant(contact.account.identity(), *contact.account.bundle());
        REQUIRE((grant && contact.account.receive(*grant, world.now)));
        for (Side* const side : {&contact, &stranger}) {
            auto call = side->account.dial(callee.identity(), *callee.bundle(), voice, world.now);
            REQUIRE(call);
            const auto offer = call->poll(world.now);
            REQUIRE(offer);
            offers.push_back(to_buffer(std::get<Signal>(*offer).bytes));
        }
        for (const Carried& taken : middle.seen) signals.push_back(taken.bytes);
        // What the side has yet to take: news of media, new keys, and the end.
        middle.treat = [&](std::size_t index) {
            if (middle.seen[index].to_callee) signals.push_back(middle.seen[index].bytes);
        };
        REQUIRE(world.caller.call->set_media({.muted = true}));
        REQUIRE(world.caller.call->set_media({}));
        world.settle();
    }

    // One that nobody has sealed: a few bits flipped, cut, lengthened, two joined at a place, or noise; one in `rare`
    // of an offer, whose refusal costs most.
    void next(SeededRandom& random, Buffer& made) const {
        constexpr std::size_t rare = 40;
        const std::vector<Buffer>& from = random.below(rare) == 0 ? offers : signals;
        const Buffer& genuine = from[random.below(from.size())];
        made.assign(genuine.begin(), genuine.end());
        switch (random.below(8)) {
            case 0: made.resize(random.below(made.size())); break;
            case 1: made.push_back(static_cast<std::byte>(random.below(256))); break;
            case 2: {
                const Buffer& other = signals[random.below(signals.size())];
                const std::size_t end = 1 + random.below(std::min(made.size(), other.size()) - 1);
                std::copy_n(other.begin(), end, made.begin());
                made.back() ^= std::byte{1};
                break;
            }
            case 3:
                made.resize(2 + random.below(400));
                random.fill(std::span(made).subspan(2));
                break;
            default:
                for (std::size_t flips = 1 + random.below(4); flips > 0; --flips) {
                    made[random.below(made.size())] ^= static_cast<std::byte>(1U << random.below(8));
                }
                if (made == genuine) made[random.below(made.size())] ^= std::byte{1};
        }
    }

    std::vector<Buffer> offers{}, signals{};
};

Seen call_beside(int mutants) {
    TwoParty world(471);
    for (Side* const side : {&world.caller, &world.callee}) side->keeps_heard = false;
    Middle middle(world);
    world.connect(small);
    const Material material(world, middle);
    Account& callee = world.callee.account;
    const std::uint64_t let_in = callee.decisions()[Reason::contact];
    const std::uint64_t refused_before = callee.refused().total();
    SeededRandom random(9471);
    Buffer made;
    made.reserve(4096);
    for (Side* const side : {&world.caller, &world.callee}) side->pictures.reserve(100);
    int taken = 0;
    std::size_t early = 0;
    for (int step = 0; step < steps; ++step) {
        world.talk(10ms, small);
        for (int i = 0; i < mutants / steps; ++i) {
            material.next(random, made);
            taken += callee.receive(made, world.now) ? 1 : 0;
        }
        if (step == steps / 10) early = held();
    }
    const std::size_t late = held();
    CHECK(taken == 0);
    CHECK(callee.refused().total() == refused_before + static_cast<std::uint64_t>(mutants));
    CHECK(callee.decisions()[Reason::contact] == let_in);
    CHECK(callee.decisions()[Reason::not_contact] == callee.refused()[Error::not_permitted]);
    CHECK(callee.silenced_calls().empty());
    CHECK(callee.sessions_given_up() == 0);
    CHECK(world.caller.news.empty());
    CHECK(world.callee.news.empty());
    for (const Side* const side : {&world.caller, &world.callee}) {
        CHECK(side->call->state() == CallState::active);
        CHECK(side->shown >= 55);
        CHECK(side->played > 390);
    }
    if (mutants > 0) {
        const std::size_t grown = late > early ? late - early : 0;
        MESSAGE("grown by ", grown, " bytes");
        CHECK(grown < 64 * 1024);
        for (std::size_t i = 0; i < error_count; ++i) {
            if (const auto count = callee.refused().by_error[i]; count > 0) {
                MESSAGE(name(static_cast<Error>(i)), ": ", count);
            }
        }
    }
    // The genuine ones still arrive.
    CHECK(callee.receive(material.signals.back(), world.now));
    return seen(world);
}

}  // namespace

TEST_CASE("of a million changed signals none rings or is taken, memory stays, and a call loses no frame") {
    CHECK(call_beside(1'000'000) == call_beside(0));
}
