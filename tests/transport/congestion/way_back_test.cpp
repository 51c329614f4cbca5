#include "transport/congestion/way_back.h"

#include <doctest/doctest.h>

using namespace sotto;
using namespace sotto::transport;
using namespace std::chrono_literals;

namespace {

// Sound every 10 ms, by a clock that begins anywhere.
struct Sound {
    void come(int packets, Duration way) {
        for (int i = 0; i < packets; ++i) {
            sent += 10ms;
            timestamp += 480;
            now = sent + way;
            back.heard(RtpTimestamp{timestamp}, now);
        }
    }
    // With so much sound in it, all of which it waits for.
    void come_long(Duration length, Duration way) {
        sent += length;
        timestamp += static_cast<std::uint32_t>(length / 1ms * 48);
        now = sent + way;
        back.heard(RtpTimestamp{timestamp}, now);
    }
    WayBack back;
    Instant sent{1000s}, now{};
    std::uint32_t timestamp = 0xffff'f000;  // wraps soon
};

}  // namespace

TEST_CASE("a way back is clear while sound comes by it as quickly as ever, whatever it takes") {
    Sound sound;
    CHECK_FALSE(sound.back.clear(sound.sent));  // nothing is known
    sound.come(300, 250ms);
    CHECK(sound.back.clear(sound.now));
    sound.come(1, 285ms);
    CHECK(sound.back.clear(sound.now));
}

TEST_CASE("a queue on the way back, or silence, is not clear") {
    Sound sound;
    sound.come(300, 50ms);
    sound.come(10, 95ms);
    CHECK_FALSE(sound.back.clear(sound.now));
    sound.come(10, 50ms);
    CHECK(sound.back.clear(sound.now));
    CHECK_FALSE(sound.back.clear(sound.now + 41ms));
}

TEST_CASE("a way that has become longer is clear after a while") {
    Sound sound;
    sound.come(300, 50ms);
    sound.come(100, 150ms);
    CHECK_FALSE(sound.back.clear(sound.now));
    sound.come(900, 150ms);
    CHECK(sound.back.clear(sound.now));
}

TEST_CASE("a way back that becomes narrow at once is known by slow packets with sound that is ever later behind them") {
    Sound sound;
    for (int i = 0; i < 300; ++i) {  // 960 kbit/s, half of it beside the sound
        sound.come(1, 50ms);
        sound.back.came(1200, sound.now);
        CHECK_FALSE(sound.back.narrowed());
    }
    SUBCASE("of a fall to a quarter") {
        for (int i = 0; i < 3; ++i) sound.back.came(1200, sound.now += 32ms);
        CHECK(sound.back.narrowed());
        CHECK(sound.back.queued_rate() == doctest::Approx(300'000).epsilon(0.05));
    }
    SUBCASE("of such a fall by the second packet, whatever its size") {
        for (const std::size_t size : {1200U, 72U}) {
            CAPTURE(size);
            WayBack back = sound.back;
            back.came(1200, sound.now + 41ms);
            CHECK_FALSE(back.narrowed());
            back.came(size, sound.now + 41ms + std::chrono::microseconds(41'000 * (size + 28) / 1228));
            CHECK(back.narrowed());
        }
    }
    SUBCASE("not by the first packet after a pause, nor by the second") {
        sound.back.came(1200, sound.now += 60ms);
        CHECK_FALSE(sound.back.narrowed());
        sound.back.came(1200, sound.now += 500us);
        CHECK_FALSE(sound.back.narrowed());
        sound.back.came(1200, sound.now += 10ms);
        CHECK_FALSE(sound.back.narrowed());
    }
    SUBCASE("not of packets that come as quickly as before") {
        for (int i = 0; i < 10; ++i) sound.back.came(1200, sound.now += 10ms);
        CHECK_FALSE(sound.back.narrowed());
    }
    SUBCASE("not of a sender that sends less") {
        for (int i = 0; i < 30; ++i) {
            sound.come(1, 50ms);
            if (i % 3 == 0) sound.back.came(1200, sound.now);
            CHECK_FALSE(sound.back.narrowed());
        }
    }
    SUBCASE("not of a sender that puts more sound into a packet") {
        for (int i = 0; i < 10; ++i) {
            sound.come_long(60ms, 50ms);
            sound.back.came(200, sound.now);
            CHECK_FALSE(sound.back.narrowed());
            CHECK(sound.back.clear(sound.now));
        }
    }
    SUBCASE("not of packets that were held up and come at once") {
        sound.now += 80ms;
        for (int i = 0; i < 8; ++i) {
            sound.back.came(1200, sound.now);
            CHECK_FALSE(sound.back.narrowed());
        }
    }
}
