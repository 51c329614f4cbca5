// What our own packets tell of a bottleneck that others fill, too.
#include "transport/congestion/shared_width.h"

#include <doctest/doctest.h>

#include "support/random.h"
#include "transport/congestion/bottleneck.h"

using namespace sotto;
using namespace sotto::test;
using namespace sotto::transport;

namespace {

// 20 s of sound of 120 bytes each 20 ms, and of pictures of one to three packets each 33 ms that leave 7 ms apart;
// others send 1200 bytes at a time, at random, as many as fill `others` of the link. Times of arrival have 1/1024 s.
struct Shared {
    Shared(double rate, double others, std::uint64_t seed) : link(events, {{0s, rate}}, 300ms), random(seed) {
        sound();
        picture();
        if (others > 0) other(1200 * 8 / (rate * others));
        events.run(20s);
    }
    void send(std::size_t bytes) {
        link.send(bytes, [this, bytes, sent = events.now()](Duration) {
            constexpr Duration tick(1'000'000'000 / 1024);
            width.add(sent, 3s + events.now().time_since_epoch() / tick * tick, bytes);
        });
    }
    void sound() {
        send(120);
        events.after(20ms, [this] { sound(); });
    }
    void picture() {
        const std::size_t bytes = 500 + random.below(700);
        for (std::size_t i = 0, count = 1 + random.below(3); i < count; ++i)
            events.after(static_cast<std::int64_t>(i) * 7ms, [this, bytes] { send(bytes); });
        events.after(33ms, [this] { picture(); });
    }
    void other(double apart) {
        link.send(1200, [](Duration) {});
        const double u = (static_cast<double>(random.below(1'000'000)) + 1) / 1'000'001;
        events.after(Duration(static_cast<std::int64_t>(-std::log(u) * apart * 1e9)), [this, apart] { other(apart); });
    }
    Events events{};
    Bottleneck link;
    SeededRandom random;
    SharedWidth width{};
};

}  // namespace

TEST_CASE("packets that others' stand between tell what passes in all") {
    for (const double rate : {1e6, 2e6, 4e6}) {
        for (std::uint64_t seed = 1; seed < 6; ++seed) {
            CAPTURE(rate);
            CAPTURE(seed);
            // Ours are about half a Mbit/s; a little more than all passes is offered.
            const auto all = Shared(rate, 1.1 - 0.45e6 / rate, seed).width.passes();
            REQUIRE(all);
            CHECK(*all > 0.85 * rate);
            CHECK(*all < 1.15 * rate);
        }
    }
}

TEST_CASE("packets that stand in a queue of ours alone tell what passes") {
    const auto all = Shared(400e3, 0, 1).width.passes();
    REQUIRE(all);
    CHECK(*all > 0.97 * 400e3);
    CHECK(*all < 1.03 * 400e3);
}

TEST_CASE("a path without a queue tells of none that is narrow") {
    const auto all = Shared(100e6, 0, 1).width.passes();
    CHECK((!all || *all > 20e6));
}

TEST_CASE("few packets, and such as others did not follow, tell nothing") {
    SharedWidth width;
    for (int i = 0; i < 59; ++i) width.add(Instant{} + i * 20ms, i * 20ms, i % 2 ? 120 : 1200);
    CHECK(!width.passes());
    for (int i = 0; i < 500; ++i) {
        width.add(Instant{10s} + i * 20ms, 10s + i * 20ms, i % 2 ? 120 : 1200);
        width.interrupt();
    }
    CHECK(!width.passes());
}
