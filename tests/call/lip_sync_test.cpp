// Sound and pictures of a whole call, each with delays of its own on the way: how far apart are they presented?
#include "call/lip_sync.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "sim/two_party.h"
#include "support/moving_scene.h"

using namespace sotto;
using namespace sotto::test;
using namespace std::chrono_literals;

namespace {

using call::LipSync;

constexpr int width = 320, height = 180;

struct OnTheWay {
    Duration delay = 30ms;
    Duration jitter{};  // uniform, on top
};

// From caller to callee alone; when each was taken is told from its time stamp, not by the code under test.
struct MediaPaths {
    explicit MediaPaths(std::uint64_t seed) : random(seed + 7000), world(seed) {
        world.connect({.video_width = width, .video_height = height});  // small: little to encode
        begin = world.now;
    }

    OnTheWay sound{}, pictures{};
    std::vector<double> sound_ms, picture_ms, skew_ms;  // since forget()

    void forget() {
        sound_ms.clear();
        picture_ms.clear();
        skew_ms.clear();
    }
    void run(Duration duration) {
        for (const Instant end = world.now + duration; world.now < end; world.now += 1ms) {
            const auto ms = (world.now - begin) / 1ms;
            if (ms % 10 == 0) say();
            if (ms % 33 == 0) show();
            deliver(to_callee, *world.callee.call);
            deliver(to_caller, *world.caller.call);
            poll(*world.caller.call, to_callee);
            poll(*world.callee.call, to_caller);
        }
    }
    CallStats stats() const { return world.callee.call->stats(); }

  private:
    using Flights = std::multimap<Instant, Buffer>;

    Duration delay_of(Bytes datagram) {
        const int type = std::to_integer<int>(datagram[1]) & 0x7f;
        const OnTheWay way = type == 111 || type == 112 ? sound : type >= 96 && type <= 98 ? pictures : OnTheWay{};
        const auto extra = random.below(static_cast<std::size_t>(way.jitter.count()) + 1);
        return way.delay + Duration(static_cast<std::int64_t>(extra));
    }
    void deliver(Flights& flights, Call& to) {
        while (!flights.empty() && flights.begin()->first <= world.now) {
            static_cast<void>(to.receive(flights.begin()->second, world.now));
            flights.erase(flights.begin());
        }
    }
    void poll(Call& call, Flights& out) {
        while (const auto output = call.poll(world.now)) {
            if (const auto* datagram = std::get_if<Datagram>(&*output)) {
                const Duration delay = &out == &to_callee ? delay_of(datagram->bytes) : Duration(30ms);
                out.emplace(world.now + delay, to_buffer(datagram->bytes));
            }
            if (&out == &to_callee) continue;
            if (const auto* block = std::get_if<PlayedBlock>(&*output)) {
                sound_ms.push_back(late(block->timestamp, first_block, 48));
            }
            if (const auto* frame = std::get_if<ShownFrame>(&*output)) {
                picture_ms.push_back(late(frame->timestamp, first_frame, 90));
                if (!sound_ms.empty()) skew_ms.push_back(picture_ms.back() - sound_ms.back());
            }
        }
    }
    double late(std::uint32_t timestamp, std::optional<std::uint32_t>& first, int ticks_a_ms) const {
        if (!first) first = timestamp;
        const double taken = static_cast<double>(timestamp - *first) / ticks_a_ms;
        return std::chrono::duration<double, std::milli>(world.now - begin).count() - taken;
    }
    void say() {
        std::vector<std::int16_t> block(480);
        for (auto& sample : block)
            sample = static_cast<std::int16_t>(6000 * std::sin(0.06 * static_cast<double>(samples++)));
        for (Side* const side : {&world.caller, &world.callee}) {
            static_cast<void>(side->call->send(AudioBlock{.samples = block, .captured = world.now}, world.now));
        }
    }
    void show() {
        const auto picture = scene(frames++, width, height);
        static_cast<void>(world.caller.call->send(picture.view(world.now), world.now));
    }

    SeededRandom random;
    TwoParty world;
    Instant begin{};
    Flights to_callee, to_caller;
    std::optional<std::uint32_t> first_block, first_frame;
    std::uint64_t samples = 0;
    int frames = 0;
};

double share_within(const std::vector<double>& values, double limit) {
    const auto count = std::ranges::count_if(values, [&](double value) { return std::abs(value) <= limit; });
    return static_cast<double>(count) / static_cast<double>(values.size());
}

double middle(std::vector<double> values) {
    std::ranges::sort(values);
    return values[values.size() / 2];
}

}  // namespace

TEST_CASE("sound and pictures stay within 40 ms of each other, whichever comes later") {
    struct Case {
        std::string name;
        OnTheWay sound, pictures;
    };
    for (const Case& way : {Case{"clean", {}, {}}, Case{"sound with 100 ms of jitter", {30ms, 100ms}, {}},
                            Case{"sound 150 ms later", {180ms}, {}}, Case{"pictures 120 ms later", {}, {150ms}}}) {
        for (const std::uint64_t seed : {410U}) {
            CAPTURE(way.name);
            CAPTURE(seed);
            MediaPaths paths(seed);
            paths.run(500ms);  // the first block and frame tell when what follows was taken
            paths.sound = way.sound;
            paths.pictures = way.pictures;
            paths.run(9s);
            paths.forget();
            paths.run(5s);
            MESSAGE(way.name, ": sound ", middle(paths.sound_ms), " ms, pictures ", middle(paths.picture_ms),
                    " ms, skew ", middle(paths.skew_ms), " ms, within 40 ms: ", share_within(paths.skew_ms, 41));
            REQUIRE(paths.skew_ms.size() > 120);
            CHECK(share_within(paths.skew_ms, 41) > 0.9);  // a clock of whole milliseconds
            REQUIRE(paths.stats().lip_sync);
            const double told = std::chrono::duration<double, std::milli>(*paths.stats().lip_sync).count();
            CHECK(std::abs(told - middle(paths.skew_ms)) < 25);  // the present one, smoothed, against that of 5 s
        }
    }
}

TEST_CASE("pictures are never held while they are within 40 ms of their sound, nor long") {
    LipSync sync;
    Instant now{100s};
    const Duration taken = now.time_since_epoch();
    CHECK(sync.due(taken, now + 10ms) == now + 10ms);
    for (int i = 0; i < 50; ++i) sync.heard(taken, now + 50ms);
    CHECK(sync.due(taken, now + 10ms) == now + 10ms);
    CHECK(sync.due(taken, now + 300ms) == now + 300ms);
    for (int i = 0; i < 50; ++i) sync.heard(taken, now + 150ms);
    const Instant due = sync.due(taken, now + 20ms);
    CHECK(due >= now + 110ms);
    CHECK(due <= now + 120ms);
    for (int i = 0; i < 50; ++i) sync.heard(taken, now + 2s);
    CHECK(sync.due(taken, now + 20ms) == now + 20ms + LipSync::longest_hold);
    CHECK(sync.due(taken, now + 4s) == now + 4s);
    CHECK(sync.due(taken + 4s, now + 4s) == now + 4s);  // the sound has ended
}

TEST_CASE("the sound waits for pictures that come later, no longer than they do, and only for them") {
    LipSync sync;
    Instant now{100s};
    const auto talk = [&](Duration sound, Duration picture, int blocks) {
        for (int i = 0; i < blocks; ++i, now += 20ms) {
            static_cast<void>(sync.due(now.time_since_epoch() - picture, now));
            sync.heard(now.time_since_epoch() - sound - sync.sound_wait(), now);
        }
        return sync.sound_wait();
    };
    CHECK(talk(60ms, 90ms, 200) == 0ms);
    CHECK(talk(60ms, 180ms, 1000) > 70ms);
    CHECK(sync.sound_wait() < 90ms);
    CHECK(talk(60ms, 1s, 1000) == LipSync::longest_hold);
    CHECK(talk(60ms, 60ms, 2000) == 0ms);
}

TEST_CASE("pictures do not follow what a pause adds to the delay of sound, unless it stays") {
    LipSync sync;
    const Instant now{100s};
    const Duration taken = now.time_since_epoch();
    const auto hear = [&](Duration delay, int blocks) {
        for (int i = 0; i < blocks; ++i) sync.heard(taken, now + delay);
    };
    hear(150ms, 50);
    const Instant due = sync.due(taken, now + 60ms);
    CHECK(due > now + 110ms);
    CHECK(due < now + 115ms);
    hear(180ms, 25);
    CHECK(sync.due(taken, now + 60ms) <= due + 5ms);
    hear(150ms, 25);
    CHECK(sync.due(taken, now + 60ms) - due < 2ms);
    hear(180ms, 50);
    CHECK(sync.due(taken, now + 60ms) - due > 28ms);
    hear(150ms, 25);  // less counts at once
    CHECK(sync.due(taken, now + 60ms) - due < 2ms);
}
