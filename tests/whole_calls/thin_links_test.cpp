// How late pictures and sound are over links that hold a few small pictures.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <map>

#include "sim/two_party.h"
#include "whole_calls/figures.h"

using namespace sotto;
using namespace sotto::test;
using namespace std::chrono_literals;

namespace {

// From capture to what was shown and played, and how much of it the way through the network took.
struct Late {
    std::vector<Duration> all{}, network{};
};

// Of what was captured from `begin` on, by the traces of both sides: there is one clock.
class Lateness {
  public:
    explicit Lateness(TwoParty& world) {
        world.beside = [this, &world](Instant) { collect(world); };
    }
    void begin(Instant now) {
        begin_ = now;
        late_ = {};
    }
    const Late& of(Medium medium) {
        Late& late = late_[medium == Medium::video];
        std::ranges::sort(late.all);
        std::ranges::sort(late.network);
        return late;
    }

  private:
    void collect(TwoParty& world) {
        while (const auto sent = world.caller.call ? world.caller.call->trace() : std::nullopt) {
            sent_[sent->medium == Medium::video][sent->timestamp] = *sent;
        }
        while (const auto got = world.callee.call ? world.callee.call->trace() : std::nullopt) {
            const bool video = got->medium == Medium::video;
            const auto sent = sent_[video].find(got->timestamp);
            if (sent == sent_[video].end() || sent->second[Stage::captured] < begin_) continue;
            late_[video].all.push_back((*got)[Stage::shown] - sent->second[Stage::captured]);
            const Instant received = (*got)[Stage::received];
            if (received != Instant{}) late_[video].network.push_back(received - sent->second[Stage::sent]);
        }
    }
    Instant begin_ = never;
    std::array<std::map<std::uint32_t, FrameTrace>, 2> sent_{};
    std::array<Late, 2> late_{};
};

}  // namespace

TEST_CASE("over 150 kbit/s neither pictures nor sound stand in a queue of the call's own") {
    for (const std::uint64_t seed : {61U, 62U, 63U}) {
        CAPTURE(seed);
        const CallSettings settings{.video_width = 640, .video_height = 360};
        TwoParty world(seed, {.delay = 100ms, .queue = {.rate = 150'000, .queue = 500ms}});
        world.callee.keeps_heard = world.caller.keeps_heard = false;
        Lateness lateness(world);
        int reports = 0;
        world.relay = [&](Side& to, Bytes datagram) {
            if (std::to_integer<int>(datagram[1]) >= 200 && std::to_integer<int>(datagram[1]) <= 206) ++reports;
            static_cast<void>(world.receive(to, datagram));
        };
        world.connect(settings);
        world.talk(12s, settings);
        lateness.begin(world.now);
        reports = 0;
        const std::uint64_t before = world.caller.call->stats().video_sent.bytes_sent;
        world.talk(30s, settings);
        const double kbps = static_cast<double>(world.caller.call->stats().video_sent.bytes_sent - before) * 8e-3 / 30;
        const Late &pictures = lateness.of(Medium::video), &sound = lateness.of(Medium::audio);
        MESSAGE("seed " << seed << ": pictures of " << kbps << " kbit/s, after ms p50 "
                        << in_ms(quantile(pictures.all, 0.5)) << ", p95 " << in_ms(quantile(pictures.all, 0.95))
                        << ", of that in the network " << in_ms(quantile(pictures.network, 0.5)) << " and "
                        << in_ms(quantile(pictures.network, 0.95)) << "; sound after "
                        << in_ms(quantile(sound.all, 0.5)) << " and " << in_ms(quantile(sound.all, 0.95))
                        << ", in the network " << in_ms(quantile(sound.network, 0.5)) << " and "
                        << in_ms(quantile(sound.network, 0.95)));
        CHECK(quantile(pictures.all, 0.5) <= 170ms);
        CHECK(quantile(pictures.all, 0.95) <= 230ms);
        CHECK(quantile(sound.all, 0.5) <= 210ms);
        CHECK(reports <= 2 * 30 * 9);  // of both, of which each costs some 6 ms of the path
        CHECK(quantile(sound.network, 0.95) <= 180ms);
        CHECK(kbps >= 50);
    }
}

TEST_CASE("a call that begins on a thin link fills its queue once at most, for a moment") {
    for (const std::int64_t rate : {150'000, 200'000}) {
        for (const std::uint64_t seed : {64U, 65U}) {
            CAPTURE(rate);
            CAPTURE(seed);
            const CallSettings settings{.video_width = 640, .video_height = 360};
            TwoParty world(seed, {.delay = 100ms, .queue = {.rate = rate, .queue = 500ms}});
            world.callee.keeps_heard = world.caller.keeps_heard = false;
            Lateness lateness(world);
            world.connect(settings);
            lateness.begin(world.now);
            world.talk(6s, settings);
            const Duration first = quantile(lateness.of(Medium::audio).network, 1);
            CHECK(world.to_callee.counts().overflowed == 0);
            lateness.begin(world.now);
            world.talk(12s, settings);
            const Late &pictures = lateness.of(Medium::video), &sound = lateness.of(Medium::audio);
            MESSAGE("at " << rate / 1000 << " kbit/s, seed " << seed << ": sound at first up to ms " << in_ms(first)
                          << " in the network; then pictures after ms p50 " << in_ms(quantile(pictures.all, 0.5))
                          << ", p95 " << in_ms(quantile(pictures.all, 0.95)) << ", sound after "
                          << in_ms(quantile(sound.all, 0.5)));
            CHECK(first <= 550ms);
            CHECK(quantile(sound.network, 0.95) <= 230ms);
            if (rate > 150'000) continue;
            CHECK(quantile(pictures.all, 0.5) <= 170ms);
            CHECK(quantile(pictures.all, 0.95) <= 230ms);
            CHECK(quantile(sound.all, 0.5) <= 205ms);
        }
    }
}
