#include "call/video_quality.h"

#include <doctest/doctest.h>

#include <utility>
#include <vector>

#include "support/random.h"

using namespace sotto;
using namespace sotto::call;
using namespace std::chrono_literals;

namespace {

struct Session {
    VideoAdaptation adaptation{VideoQuality{}};
    Instant now{100s};
    Duration encode_time = 5ms;
    int changes = 0;

    VideoQuality run(int bitrate, Duration how_long, double unrepaired = 0) {
        VideoQuality quality = adaptation.choose(bitrate, unrepaired, now);
        for (const Instant end = now + how_long; now < end;) {
            now += 33ms;
            adaptation.encoded(encode_time);
            const VideoQuality next = adaptation.choose(bitrate, unrepaired, now);
            changes += next.width != quality.width;
            quality = next;
        }
        return quality;
    }
};

}  // namespace

TEST_CASE("every bit rate has its size, as wide as its bits do justice to") {
    const std::vector<std::pair<int, int>> expected{{1200000, 640}, {340000, 640}, {240000, 640}, {180000, 480},
                                                    {130000, 480},  {100000, 320}, {50000, 320},  {20000, 240}};
    for (const auto& [bitrate, width] : expected) {
        CAPTURE(bitrate);
        const VideoQuality quality = Session{}.run(bitrate, 1s);
        CHECK(quality.width == width);
        CHECK(quality.height == width * 9 / 16 / 2 * 2);
        CHECK(quality.frame_rate == (bitrate < 60000 ? 15 : 30));
        CHECK(quality.layers == 1);
    }
}

TEST_CASE("a bit rate that falls is followed at once, and one that rises after some seconds") {
    Session session;
    CHECK(session.run(1200000, 1s).width == 640);
    CHECK(session.run(100000, 0s).width == 320);
    CHECK(session.run(1200000, 3s).width == 320);
    CHECK(session.run(1200000, 2s).width == 640);
    CHECK(session.run(40000, 0s).frame_rate == 15);
    CHECK(session.run(70000, 1s).frame_rate == 15);  // not by enough
    CHECK(session.run(90000, 0s).frame_rate == 30);  // costs no key frame
}

TEST_CASE("a bit rate that swings by a tenth around a threshold changes the size once") {
    const std::uint64_t seed = 4;
    CAPTURE(seed);
    test::SeededRandom random(seed);
    Session session;
    session.run(400000, 1s);
    for (int i = 0; i < 600; ++i) session.run(188000 + static_cast<int>(random.below(38000)), 100ms);
    CHECK(session.changes <= 1);
}

TEST_CASE("a lower bit rate never gives a larger picture or more frames") {
    VideoQuality before = Session{}.run(3000000, 1s);
    for (int bitrate = 3000000; bitrate > 5000; bitrate = bitrate * 97 / 100) {
        CAPTURE(bitrate);
        const VideoQuality quality = Session{}.run(bitrate, 0s);
        CHECK(quality.width <= before.width);
        CHECK(quality.frame_rate <= before.frame_rate);
        CHECK(quality.width % 2 == 0);
        CHECK(quality.height >= 90);
        before = quality;
    }
}

TEST_CASE("layers come with losses that repair does not make up for, and go after them") {
    Session session;
    CHECK(session.run(600000, 1s).layers == 1);
    CHECK(session.run(600000, 0s, 0.02).layers == 2);
    CHECK(session.run(600000, 0s, 0.08).layers == 3);
    CHECK(session.run(600000, 3s, 0.03).layers == 3);
    CHECK(session.run(600000, 9s, 0.008).layers == 2);
    CHECK(session.run(600000, 5s, 0).layers == 1);
}

TEST_CASE("a device that is too slow gets faster speeds, then smaller pictures, and its quality back when it can") {
    Session session;
    CHECK(session.run(1200000, 5s).cpu_used == -6);
    session.encode_time = 30ms;
    CHECK(session.run(1200000, 1200ms).cpu_used == -8);
    const VideoQuality slow = session.run(1200000, 3s);
    CHECK(slow.cpu_used == -12);
    CHECK(slow.width < 640);
    session.encode_time = 20ms;
    CHECK_MESSAGE(session.run(1200000, 60s).width == session.run(1200000, 1s).width, "neither too slow nor idle");
    session.encode_time = 5ms;
    CHECK(session.run(1200000, 5s).cpu_used == -12);
    const VideoQuality quality = session.run(1200000, 300s);
    CHECK(quality.width == 640);
    CHECK(quality.cpu_used == -6);
}

TEST_CASE("pictures that a narrow path makes small are searched more finely, on a device that has the time") {
    Session session;
    CHECK(session.run(1200000, 1s).cpu_used == -6);
    CHECK(session.run(180000, 1s).cpu_used == -6);  // of 480x270
    CHECK(session.run(100000, 1s).cpu_used == -3);  // of 320x180
    session.encode_time = 40ms;
    CHECK(session.run(100000, 3s).cpu_used < -6);
    CHECK(Session{.adaptation = VideoAdaptation({.cpu_used = 4})}.run(100000, 1s).cpu_used == 4);
    CHECK(Session{.adaptation = VideoAdaptation({.cpu_used = -12})}.run(100000, 1s).cpu_used == -9);
}

TEST_CASE("a frame rate that halved for want of bits comes back when there are half as many again") {
    Session session;
    CHECK(session.run(59000, 1s).frame_rate == 15);
    for (int i = 0; i < 20; ++i) CHECK(session.run(60000 + 1400 * i, 1s).frame_rate == 15);
    CHECK(session.run(91000, 0s).frame_rate == 30);
}

TEST_CASE("relief that was taken back in vain is taken back ever more rarely") {
    Session session;
    int steps = 0;
    int speed = -6;
    for (int i = 0; i < 6000; ++i) {  // 10 minutes
        session.encode_time = speed == -6 ? 30ms : 8ms;
        const int next = session.run(1200000, 99ms).cpu_used;
        steps += next != speed;
        speed = next;
    }
    CHECK(steps > 2);
    CHECK(steps < 14);
}

TEST_CASE("a peer that decodes too slowly gets pictures that it keeps up with, and larger ones when it can again") {
    Session session;
    session.run(1200000, 1s);
    // Decoding 640x360 takes `whole` of a frame's time at the peer; it says so once a second.
    int sizes = 0, width = 640;
    const auto run = [&](double whole, int seconds) {
        VideoQuality quality{};
        for (int i = 0; i < seconds; ++i) {
            quality = session.run(1200000, 1s);
            sizes += std::exchange(width, quality.width) != quality.width;
            const double part = double(quality.width) * quality.height / (640 * 360);
            session.adaptation.peer_decoded(whole * part, session.now);
        }
        return quality;
    };
    CHECK(run(0.75, 20).width == 640);
    CHECK(run(1.0, 3).width == 480);
    CHECK(session.adaptation.limitation() == QualityLimitationReason::cpu);
    CHECK_MESSAGE(run(1.0, 60).width == 480, "neither too slow nor idle");
    CHECK(run(2.5, 5).width == 240);
    CHECK_MESSAGE(sizes == 2, "the size that fits is known at once");
    CHECK(run(100, 10).width == 160);
    CHECK(run(100, 10).cpu_used == -6);
    CHECK(run(0.5, 10).width == 160);
    CHECK(run(0.5, 60).width == 640);
    CHECK(session.adaptation.limitation() == QualityLimitationReason::none);
}

TEST_CASE("what a peer says of pictures of another size is not taken for the present one's") {
    Session session;
    session.run(1200000, 5s);
    session.adaptation.peer_decoded(1.2, session.now);
    CHECK(session.run(1200000, 100ms).width == 320);
    session.adaptation.peer_decoded(1.2, session.now);
    CHECK(session.run(1200000, 100ms).width == 320);
}

TEST_CASE("a small camera and a slow one are left as they are") {
    VideoAdaptation small({.width = 160, .height = 120, .frame_rate = 10});
    CHECK(small.choose(10000, 0, Instant{1s}) == VideoQuality{.width = 160, .height = 120, .frame_rate = 10});
    VideoAdaptation tiny({.width = 64, .height = 64, .frame_rate = 15});
    CHECK(tiny.choose(10000, 0, Instant{1s}) == VideoQuality{.width = 64, .height = 64, .frame_rate = 15});
}

TEST_CASE("what limits the pictures is said, and said no longer when it has gone") {
    using Limitation = QualityLimitationReason;
    Session session;
    session.run(1200000, 1s);
    CHECK(session.adaptation.limitation() == Limitation::none);
    session.run(100000, 1s);
    CHECK(session.adaptation.limitation() == Limitation::bandwidth);
    session.run(1200000, 10s);
    CHECK(session.adaptation.limitation() == Limitation::none);
    session.encode_time = 32ms;
    session.run(1200000, 3s);
    CHECK(session.adaptation.limitation() == Limitation::cpu);
    session.encode_time = 2ms;
    session.run(1200000, 200s);
    CHECK(session.adaptation.limitation() == Limitation::none);
}
