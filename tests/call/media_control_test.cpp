// A network that falls silent, what a side holds back, and pictures by consent, in whole calls.
#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "sim/two_party.h"

using namespace sotto;
using namespace sotto::test;
using namespace std::chrono_literals;

namespace {
constexpr CallSettings voice{.video = false};
}  // namespace

TEST_CASE("a call whose network falls silent reconnects, says so, and goes on") {
    TwoParty world(91);
    world.connect();
    world.talk(2s);
    CHECK(world.callee.news.empty());
    world.to_callee.set({.delay = 30ms, .down = true});
    world.talk(5s);
    CHECK(world.callee.call->state() == CallState::reconnecting);
    CHECK(world.callee.news == "reconnecting ");
    CHECK(world.caller.call->state() == CallState::active);
    world.to_callee.set({.delay = 30ms});
    world.talk(2s);
    CHECK(world.callee.call->state() == CallState::active);
    CHECK(world.callee.news == "reconnecting reconnected ");
    const int before = world.callee.shown;
    world.talk(2s);
    CHECK(world.callee.shown > before + 50);
}

TEST_CASE("a muted side sends silence in packets of the same size, and its peer is told") {
    TwoParty world(92);
    world.connect(voice);
    world.talk(5s, voice);
    const auto sizes = [&] {  // bytes a packet in four seconds
        const auto before = world.caller.call->stats().audio_sent;
        world.talk(4s, voice);
        const auto after = world.caller.call->stats().audio_sent;
        CHECK(after.packets_sent - before.packets_sent >= 399);
        return static_cast<double>(after.bytes_sent - before.bytes_sent) /
               static_cast<double>(after.packets_sent - before.packets_sent);
    };
    const double speaking = sizes();
    REQUIRE(world.caller.call->set_media({.muted = true}));
    world.talk(500ms, voice);  // what was on its way
    CHECK(world.callee.call->peer_media() == MediaStatus{.muted = true});
    world.callee.heard.clear();
    const std::vector<std::int16_t> beyond(1921);
    const AudioBlock no_block{.samples = beyond, .captured = world.now};
    CHECK(world.caller.call->send(no_block, world.now).error() == Error::unsupported_media);
    CHECK(sizes() == speaking);
    REQUIRE(world.callee.heard.size() > 150 * 960);
    const auto loudest = [&] {
        int most = 0;
        for (const std::int16_t sample : world.callee.heard) most = std::max(most, std::abs(int{sample}));
        return most;
    };
    CHECK(loudest() < 40);
    REQUIRE(world.caller.call->set_media({}));
    world.callee.heard.clear();
    world.talk(2s, voice);
    CHECK(world.callee.call->peer_media() == MediaStatus{});
    CHECK(loudest() > 4000);
}

TEST_CASE("a camera that is off, or a call on hold, sends no pictures") {
    TwoParty world(93);
    REQUIRE(world.dial());
    REQUIRE(world.callee.call->set_media({.camera_off = true}));  // before the answer, and told with it
    REQUIRE(world.callee.call->accept({}, world.now));
    world.talk(3s);
    CHECK(world.caller.call->peer_media() == MediaStatus{.camera_off = true});
    CHECK(world.caller.shown == 0);
    CHECK(world.caller.played > 100);
    REQUIRE(world.callee.call->set_media({}));
    world.talk(2s);
    CHECK(world.caller.shown > 40);
    REQUIRE(world.callee.call->set_media({.held = true}));
    world.talk(500ms);
    const int before = world.caller.shown;
    world.talk(media_timeout + 2s);
    CHECK(world.caller.shown == before);
    CHECK(world.caller.call->state() == CallState::active);
}

TEST_CASE("pictures join a call of sound by consent of both, and by nothing else") {
    TwoParty world(94);
    world.connect(voice);
    world.talk(2s);
    CHECK(world.callee.shown + world.caller.shown == 0);
    CHECK(world.callee.call->answer_video(true).error() == Error::wrong_state);
    SUBCASE("agreed") {
        REQUIRE(world.caller.call->ask_video());
        CHECK(world.caller.call->ask_video().error() == Error::wrong_state);
        world.talk(2s);
        CHECK(world.callee.news == "video? ");
        CHECK(world.callee.shown + world.caller.shown == 0);
        CHECK(world.caller.call->stats().video_sent.packets_sent == 0);
        REQUIRE(world.callee.call->answer_video(true));
        world.talk(4s);
        CHECK(world.caller.news == "video yes ");
        CHECK(world.callee.shown > 90);
        CHECK(world.caller.shown > 90);
        CHECK(world.caller.call->offers_video());
        CHECK(world.caller.call->ask_video().error() == Error::wrong_state);
        CHECK(world.caller.call->stats().memory <= 512 * 1024);
    }
    SUBCASE("refused") {
        REQUIRE(world.caller.call->ask_video());
        world.talk(1s);
        REQUIRE(world.callee.call->answer_video(false));
        world.talk(3s);
        CHECK(world.caller.news == "video no ");
        CHECK(world.callee.shown + world.caller.shown == 0);
        CHECK(world.caller.call->ask_video());
    }
    SUBCASE("both ask at once") {
        REQUIRE(world.caller.call->ask_video());
        REQUIRE(world.callee.call->ask_video());
        world.talk(4s);
        CHECK(world.caller.news == "video yes ");
        CHECK(world.callee.news == "video yes ");
        CHECK(world.callee.shown > 60);
        CHECK(world.caller.shown > 60);
    }
}
