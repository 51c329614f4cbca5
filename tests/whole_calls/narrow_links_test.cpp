// Calls over links that hold hardly more than the headers of their sound.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>

#include "sim/two_party.h"
#include "whole_calls/figures.h"

using namespace sotto;
using namespace sotto::test;
using namespace std::chrono_literals;

namespace {

constexpr CallSettings settings{.video_width = 320, .video_height = 180};

LinkConditions at_rate(std::int64_t rate, Duration queue) {
    return {.delay = 50ms, .queue = {.rate = rate, .queue = queue}};
}

// What one side heard and the link to it took since then.
class Stretch {
  public:
    Stretch(const Side& side, const Side& other, const Link& link)
        : side_(side), other_(other), link_(link), from_(now()), first_(side.mouth_to_ear.size()) {}
    double concealed_ms() const {
        return static_cast<double>(now().heard.concealed_samples - from_.heard.concealed_samples) / 48;
    }
    double concealed() const {
        return concealed_ms() * 48 /
               static_cast<double>(now().heard.total_samples_received - from_.heard.total_samples_received);
    }
    Duration mouth_to_ear(double share) const {
        std::vector<Duration> all(side_.mouth_to_ear.begin() + static_cast<std::ptrdiff_t>(first_),
                                  side_.mouth_to_ear.end());
        std::ranges::sort(all);
        return quantile(all, share);
    }
    std::uint64_t dropped() const { return now().link.overflowed - from_.link.overflowed; }
    double kbps(Duration time) const {
        return static_cast<double>(now().link.bytes - from_.link.bytes) * 8e-3 /
               std::chrono::duration<double>(time).count();
    }
    std::uint64_t pictures() const { return now().shown.frames_sent - from_.shown.frames_sent; }  // of the other side

  private:
    struct Counts {
        ReceiveStats heard;
        SendStats shown;
        Link::Counts link;
    };
    Counts now() const { return {side_.call->stats().audio_received, other_.call->stats().video_sent, link_.counts()}; }
    const Side& side_;
    const Side& other_;
    const Link& link_;
    Counts from_;
    std::size_t first_;
};

struct Both {
    explicit Both(const TwoParty& world)
        : ways{Stretch(world.callee, world.caller, world.to_callee),
               Stretch(world.caller, world.callee, world.to_caller)} {}
    std::array<Stretch, 2> ways;
};

}  // namespace

TEST_CASE("sound goes on over 24 kbit/s in all, both ways, and pictures stop") {
    for (const std::int64_t rate : {24'000, 30'000, 40'000}) {
        for (const Duration queue : {200ms, 500ms}) {
            for (const std::uint64_t seed : {7U, 8U}) {
                CAPTURE(rate);
                CAPTURE(queue.count());
                CAPTURE(seed);
                TwoParty world(seed, at_rate(rate, queue));
                world.connect(settings);
                const Both start(world);
                world.talk(8s, settings);
                for (const Stretch& way : start.ways) {
                    CHECK(way.concealed_ms() <= 2000);  // until the pictures of the start have left the queue
                    CHECK(way.pictures() <= 60);
                }
                const Both then(world);
                world.talk(32s, settings);
                for (const Stretch& way : then.ways) {
                    MESSAGE("at " << rate / 1000 << " kbit/s, queue ms " << queue / 1ms << ", seed " << seed
                                  << ": concealed " << 100 * way.concealed() << " %, mouth to ear ms p50 "
                                  << in_ms(way.mouth_to_ear(0.5)) << ", p95 " << in_ms(way.mouth_to_ear(0.95))
                                  << "; kbit/s " << way.kbps(32s) << ", dropped " << way.dropped());
                    CHECK(way.concealed() <= 0.02);
                    CHECK(way.mouth_to_ear(0.5) <= 600ms);
                    CHECK(way.mouth_to_ear(0.95) <= 300ms + queue);
                    CHECK(way.dropped() <= 4);
                    CHECK(way.pictures() == 0);
                }
            }
        }
    }
}

TEST_CASE("a path that becomes wide again has pictures again") {
    for (const std::uint64_t seed : {7U, 8U}) {
        CAPTURE(seed);
        TwoParty world(seed, at_rate(1'000'000, 300ms));
        world.connect(settings);
        const Instant begin = world.now;
        for (Link* const link : {&world.to_callee, &world.to_caller}) {
            link->change(begin + 10s, at_rate(24'000, 300ms));
            link->change(begin + 30s, at_rate(1'000'000, 300ms));
        }
        world.talk(15s, settings);
        const Both low(world);
        world.talk(15s, settings);
        for (const Stretch& way : low.ways) {
            CHECK(way.concealed() <= 0.02);
            CHECK(way.pictures() == 0);
        }
        world.talk(30s, settings);
        MESSAGE("seed " << seed << ": pictures are back after ms "
                        << in_ms(first_picture(world.callee, begin + 30s) - begin - 30s));
        CHECK(first_picture(world.callee, begin + 30s) <= begin + 50s);
        CHECK(first_picture(world.caller, begin + 30s) <= begin + 50s);
        CHECK(pictures_in(world.callee, begin + 52s, world.now) >= 200);
    }
}
