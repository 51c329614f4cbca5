// A call's edges in time: what overtakes what, what comes too late, what a deadline promises.
#include <doctest/doctest.h>

#include "call/rtp_session.h"
#include "sim/two_party.h"

using namespace sotto;
using namespace sotto::test;
using namespace std::chrono_literals;

TEST_CASE("a route that overtakes the answer is told once the call is active") {
    TwoParty world(82);
    REQUIRE(world.dial());
    REQUIRE(world.callee.call->set_route(as_bytes("callee here")));
    REQUIRE(world.callee.call->accept({}, world.now));
    std::vector<Buffer> signals;
    while (const auto output = world.callee.call->poll(world.now)) {
        if (const auto* signal = std::get_if<Signal>(&*output)) signals.push_back(to_buffer(signal->bytes));
    }
    REQUIRE(signals.size() == 2);
    CHECK(world.caller.account.receive(signals[1], world.now));
    CHECK_FALSE(world.caller.active);
    CHECK(world.caller.account.receive(signals[0], world.now));
    world.settle();
    CHECK(world.caller.active);
    CHECK(world.caller.route == "callee here");
}

TEST_CASE("however many routes come between two polls, the newest is told") {
    TwoParty world(83);
    world.connect();
    for (const char* const route : {"first", "second", "third"}) {
        REQUIRE(world.callee.call->set_route(as_bytes(route)));
    }
    while (const auto output = world.callee.call->poll(world.now)) {
        if (const auto* signal = std::get_if<Signal>(&*output)) {
            REQUIRE(world.caller.account.receive(signal->bytes, world.now));
        }
    }
    int told = 0;
    std::string route;
    while (const auto output = world.caller.call->poll(world.now)) {
        const auto* const remote = std::get_if<RemoteRoute>(&*output);
        if (remote == nullptr) continue;
        ++told;
        route.assign(reinterpret_cast<const char*>(remote->route.data()), remote->route.size());
    }
    CHECK(told == 1);
    CHECK(route == "third");
}

TEST_CASE("nobody can accept a call that has stopped ringing, even before the next poll") {
    TwoParty world(84);
    REQUIRE(world.dial());
    CHECK(world.callee.call->accept({}, world.now + ring_timeout + 1s).error() == Error::wrong_state);
    CHECK(world.callee.call->state() == CallState::ended);
}

TEST_CASE("a deadline can always be subtracted from: it is never before the time last told") {
    TwoParty world(85);
    REQUIRE(world.dial());
    CHECK(world.callee.call->deadline() >= world.now);
    REQUIRE(world.callee.call->accept({}, world.now));
    CHECK(world.callee.call->deadline() == world.now);  // the answer waits to be taken
    world.settle();
    for (int i = 0; i < 40; ++i) {
        world.talk(25ms);
        CHECK(world.caller.call->deadline() >= world.now - 5ms);
    }
}

TEST_CASE("what has nothing to give is not due either, whatever came") {
    TwoParty world(89, {.delay = 20ms, .jitter = 10ms, .loss = 0.05});
    world.even_steps = true;
    world.connect();
    for (int i = 0; i < 1000; ++i) {
        world.talk(1ms);  // both polled until nothing came, a millisecond ago
        CHECK(world.caller.call->deadline() > world.now - 1ms);
        CHECK(world.callee.call->deadline() > world.now - 1ms);
    }
    CHECK(world.callee.shown > 10);
}

TEST_CASE("what an ended call refuses is still counted") {
    TwoParty world(86);
    world.connect();
    world.talk(1s);
    world.caller.call->hang_up(world.now);
    world.settle();
    const auto frames = world.caller.call->stats().video_sent.frames_sent;
    CHECK(frames > 20);
    const auto before = world.caller.call->stats().refused[Error::wrong_state];
    CHECK_FALSE(world.caller.call->receive(Buffer(100), world.now));
    CHECK(world.caller.call->stats().refused[Error::wrong_state] == before + 1);
    CHECK(world.caller.call->stats().video_sent.frames_sent == frames);
}

TEST_CASE("what was sent or received calls for a poll at once") {
    TwoParty world(87);
    world.connect();
    world.talk(100ms);
    Call& from = *world.caller.call;
    const std::vector<std::int16_t> samples(480, 500);
    world.now += 20ms;
    world.settle();
    CHECK(from.deadline() > world.now);
    REQUIRE(from.send(AudioBlock{.samples = samples, .captured = world.now}, world.now));
    CHECK(from.deadline() == world.now);
    const auto output = from.poll(world.now);
    REQUIRE(output);
    REQUIRE(std::holds_alternative<Datagram>(*output));
    REQUIRE(world.callee.call->receive(std::get<Datagram>(*output).bytes, world.now));
    CHECK(world.callee.call->deadline() == world.now);
    world.settle();
    CHECK(from.deadline() > world.now);
    CHECK(world.callee.call->deadline() > world.now);
}

TEST_CASE("pictures from a peer that offered sound alone are refused, though it holds the keys") {
    using namespace sotto::call;
    const Instant now{1s};
    SeededRandom random(88);
    for (const bool offered : {false, true}) {
        CAPTURE(offered);
        auto theirs = crypto::Generation({}, 0, {}, crypto::Role::caller).sending.next();
        auto session = RtpSession::create(
            MediaEpochs(crypto::Generation({}, 0, {}, crypto::Role::callee), {}, {}, now),
            {.audio = true, .video = true, .audio_ssrc = Ssrc{1}, .video_ssrc = Ssrc{2}, .repair_ssrc = Ssrc{5}},
            {.audio = true, .video = offered, .audio_ssrc = Ssrc{3}, .video_ssrc = Ssrc{4}, .repair_ssrc = Ssrc{6}}, {},
            random, now);
        REQUIRE(session);
        auto out = transport::SrtpSender::create(std::move(theirs->video), Ssrc{4});
        alignas(8) std::array<std::byte, 64> packet{};
        const transport::RtpHeader header{.marker = true, .payload_type = vp8_payload_type, .ssrc = Ssrc{4}};
        const std::size_t size = *transport::write_rtp_header(header, packet);
        packet[size] = std::byte{0x10};  // RFC 7741 §4.2: S, the start of a frame
        const auto length = out->protect_rtp(packet, size + 20);
        const auto received = (*session)->receive(std::span(packet).first(*length), now);
        CHECK(received.has_value() == offered);
        if (!offered) CHECK(received.error() == Error::unknown_stream);
    }
}

TEST_CASE("repair is taken from a peer that offered pictures alone, and in the two types that it has") {
    using namespace sotto::call;
    const Instant now{1s};
    SeededRandom random(89);
    for (const bool offered : {false, true}) {
        CAPTURE(offered);
        auto theirs = crypto::Generation({}, 0, {}, crypto::Role::caller).sending.next();
        auto session = RtpSession::create(
            MediaEpochs(crypto::Generation({}, 0, {}, crypto::Role::callee), {}, {}, now),
            {.audio = true, .video = true, .audio_ssrc = Ssrc{1}, .video_ssrc = Ssrc{2}, .repair_ssrc = Ssrc{5}},
            {.audio = true, .video = offered, .audio_ssrc = Ssrc{3}, .video_ssrc = Ssrc{4}, .repair_ssrc = Ssrc{6}}, {},
            random, now);
        REQUIRE(session);
        auto out = transport::SrtpSender::create(std::move(theirs->repair), Ssrc{6});
        for (std::uint8_t type = 95; type <= 112; ++type) {
            CAPTURE(type);
            alignas(8) std::array<std::byte, 64> packet{};
            const transport::RtpHeader header{
                .payload_type = PayloadType{type}, .sequence = SequenceNumber{type}, .ssrc = Ssrc{6}};
            const std::size_t size = *transport::write_rtp_header(header, packet);
            const auto length = out->protect_rtp(packet, size + 20);
            REQUIRE(length);
            const auto received = (*session)->receive(std::span(packet).first(*length), now);
            const bool refused = !received && received.error() == Error::unknown_stream;
            CHECK(refused == !(offered && (type == 97 || type == 98)));
        }
    }
}

TEST_CASE("a direct path is allowed only while active and if both sides allow it") {
    for (const bool caller_allows : {false, true}) {
        for (const bool callee_allows : {false, true}) {
            CAPTURE(caller_allows);
            CAPTURE(callee_allows);
            TwoParty world(70);
            REQUIRE(world.dial({.allow_direct = caller_allows}));
            CHECK_FALSE(world.caller.call->direct());
            CHECK_FALSE(world.callee.call->direct());
            REQUIRE(world.callee.call->accept({.allow_direct = callee_allows}, world.now));
            world.settle();
            CHECK(world.caller.call->direct() == (caller_allows && callee_allows));
            CHECK(world.callee.call->direct() == (caller_allows && callee_allows));
            world.caller.call->hang_up(world.now);
            CHECK_FALSE(world.caller.call->direct());
        }
    }
}
