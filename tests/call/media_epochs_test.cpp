// The keys of both ends' streams: when they turn, what they open, and for how long.
#include "call/media_epochs.h"

#include <doctest/doctest.h>

#include "call/rtp_session.h"
#include "sim/link.h"
#include "support/seeds.h"

using namespace sotto;
using namespace sotto::call;
using namespace sotto::test;
using namespace std::chrono_literals;
using crypto::Role;

namespace {

constexpr Ssrc callers_sound{1}, callers_pictures{2}, callees_sound{3}, callees_pictures{4};
constexpr Ssrc callers_repair{5}, callees_repair{6};

crypto::GenerationSecret secret(std::uint16_t generation) {
    SeededRandom random(500 + std::uint64_t{generation});
    crypto::GenerationSecret made;
    random.fill(made.fill());
    return made;
}

crypto::Generation generation(std::uint16_t number, Role role) { return {secret(number), number, {}, role}; }

StreamOffer offer(Role role) {
    const bool caller = role == Role::caller;
    return {.audio = true,
            .audio_ssrc = caller ? callers_sound : callees_sound,
            .video_ssrc = caller ? callers_pictures : callees_pictures,
            .repair_ssrc = caller ? callers_repair : callees_repair};
}

// Both ends of a call's media, without signals.
struct Media {
    explicit Media(std::uint64_t seed, const EpochSettings& settings = {}, const LinkConditions& conditions = {})
        : random(seed),
          to_callee(conditions, seed + 1),
          to_caller(conditions, seed + 2),
          caller(make(Role::caller, settings)),
          callee(make(Role::callee, settings)) {}

    std::unique_ptr<RtpSession> make(Role role, const EpochSettings& settings) {
        const Role other = role == Role::caller ? Role::callee : Role::caller;
        auto made = RtpSession::create(MediaEpochs(generation(0, role), {}, settings, now), offer(role), offer(other),
                                       {.video = false, .audio_block_ms = 20}, random, now);
        REQUIRE(made);
        return std::move(*made);
    }

    void agree(std::uint16_t number, bool caller_asks) {
        const auto side = [](bool asks) { return asks ? MediaEpochs::Side::asked : MediaEpochs::Side::answered; };
        REQUIRE(callee->agree(generation(number, Role::callee), side(!caller_asks), now));
        REQUIRE(caller->agree(generation(number, Role::caller), side(caller_asks), now));
    }

    void poll(RtpSession& from, Link& link, std::vector<Buffer>& sent) {
        while (const auto output = from.poll(now)) {
            const auto* const datagram = std::get_if<Datagram>(&*output);
            if (datagram == nullptr) continue;
            sent.push_back(to_buffer(datagram->bytes));
            link.send(datagram->bytes, now);
        }
    }
    void talk(Duration duration) {
        static constexpr std::array<std::int16_t, 960> silence{};
        for (const Instant end = now + duration; now < end; now += 20ms) {
            REQUIRE(caller->send(AudioBlock{.samples = silence, .captured = now}, now));
            REQUIRE(callee->send(AudioBlock{.samples = silence, .captured = now}, now));
            settle();
        }
    }
    void settle() {
        poll(*caller, to_callee, callers);
        poll(*callee, to_caller, callees);
        to_callee.deliver(now, [&](Bytes datagram) { static_cast<void>(callee->receive(datagram, now)); });
        to_caller.deliver(now, [&](Bytes datagram) { static_cast<void>(caller->receive(datagram, now)); });
    }

    SeededRandom random;
    Instant now{1000s};
    Link to_callee, to_caller;
    std::unique_ptr<RtpSession> caller, callee;
    std::vector<Buffer> callers, callees;  // datagrams
};

CallStats stats(const RtpSession& session) {
    CallStats stats;
    session.add_to(stats);
    return stats;
}

void check_keys_fit(const Media& media) {
    for (const RtpSession* const side : {media.caller.get(), media.callee.get()}) {
        CHECK(stats(*side).refused[Error::unknown_epoch] == 0);
        CHECK(stats(*side).refused[Error::forged] == 0);
        CHECK(stats(*side).refused[Error::key_exhausted] == 0);
    }
}

std::uint16_t mki(const Buffer& datagram) {
    const auto byte = [&](std::size_t back) { return std::to_integer<unsigned>(datagram[datagram.size() - back]); };
    return static_cast<std::uint16_t>(byte(2) << 8 | byte(1));
}

// Whether somebody who holds these keys of the caller's opens any of the sound.
bool opens_any(crypto::EpochChain<Receiving>&& chain, int epochs, std::span<const Buffer> datagrams) {
    for (int epoch = 0; epoch < epochs; ++epoch) {
        auto keys = chain.next();
        auto receiver = transport::SrtpReceiver::create(std::move(keys->audio), callers_sound);
        for (const Buffer& datagram : datagrams) {
            alignas(8) std::array<std::byte, transport::max_datagram> copy{};
            std::ranges::copy(datagram, copy.begin());
            copy[datagram.size() - 2] = copy[datagram.size() - 1] = std::byte{0};  // whatever the packet says
            if (receiver->unprotect_rtp(std::span(copy).first(datagram.size()))) return true;
        }
    }
    return false;
}

StreamSsrcs ssrcs(Role role) {
    const StreamOffer streams = offer(role);
    return {.audio = streams.audio_ssrc, .video = streams.video_ssrc, .repair = streams.repair_ssrc};
}

// One end's streams and their keys, with nothing around them.
struct Streams {
    Streams(Role role, const EpochSettings& settings, Instant now)
        : ours(ssrcs(role)),
          theirs(ssrcs(role == Role::caller ? Role::callee : Role::caller)),
          epochs(generation(0, role), {}, settings, now),
          sending(std::move(*epochs.first_to_send(ours))),
          receiving(std::move(*epochs.first_to_receive(theirs))) {}

    SendStream out(SrtpKey<Sending>&& key, Ssrc ssrc) {
        return std::move(*SendStream::create(std::move(key), {.ssrc = ssrc}, random));
    }
    static ReceiveStream in(SrtpKey<Receiving>&& key, Ssrc ssrc) {
        return std::move(*ReceiveStream::create(std::move(key), {.ssrc = ssrc, .clock_rate = 90000}));
    }
    MediaStreams all() { return {audio_out, video_out, repair_out, audio_in, video_in, repair_in}; }

    SeededRandom random{9};
    StreamSsrcs ours, theirs;
    MediaEpochs epochs;
    crypto::EpochKeys<Sending> sending;
    crypto::EpochKeys<Receiving> receiving;
    SendStream audio_out = out(std::move(sending.audio), ours.audio);
    SendStream video_out = out(std::move(sending.video), ours.video);
    SendStream repair_out = out(std::move(sending.repair), ours.repair);
    ReceiveStream audio_in = in(std::move(receiving.audio), theirs.audio);
    ReceiveStream video_in = in(std::move(receiving.video), theirs.video);
    ReceiveStream repair_in = in(std::move(receiving.repair), theirs.repair);
};

Buffer packet_of(SendStream& stream) {
    alignas(8) std::array<std::byte, transport::max_datagram> room{};
    const auto sent = stream.depart_at_once(20, {}, {}, false, room);
    REQUIRE(sent);
    return to_buffer(std::span(room).first(sent->size));
}

// Decrypts in place, so from a copy.
Result<void> open(ReceiveStream& stream, Buffer datagram, Instant now) {
    const auto arrived = stream.open_rtp(datagram, now);
    if (!arrived) return Failure(arrived.error());
    return {};
}

}  // namespace

TEST_CASE("a repair packet under a later epoch makes that the present one for every stream") {
    Instant now{1000s};
    Streams caller(Role::caller, {}, now), callee(Role::callee, {}, now);
    REQUIRE(callee.epochs.hold_next(callee.all()));
    const std::array early{packet_of(caller.audio_out), packet_of(caller.video_out), packet_of(caller.repair_out)};
    const Buffer in_time = packet_of(caller.audio_out);
    REQUIRE(caller.epochs.begin_epoch(caller.all(), now));
    REQUIRE(open(callee.repair_in, packet_of(caller.repair_out), now));
    CHECK_FALSE(callee.epochs.lacks_next());
    callee.epochs.received(callee.all(), now);
    CHECK(callee.epochs.lacks_next());  // the one it held is in use
    CHECK(open(callee.audio_in, packet_of(caller.audio_out), now));
    CHECK(open(callee.video_in, packet_of(caller.video_out), now));
    CHECK(open(callee.audio_in, in_time, now));
    now += 2001ms;
    REQUIRE(callee.epochs.poll(callee.all(), now));
    CHECK(open(callee.audio_in, early[0], now).error() == Error::unknown_epoch);
    CHECK(open(callee.video_in, early[1], now).error() == Error::unknown_epoch);
    CHECK(open(callee.repair_in, early[2], now).error() == Error::unknown_epoch);
}

TEST_CASE("any stream alone spends the keys of all three") {
    for (const int which : {0, 1, 2}) {
        CAPTURE(which);
        const Instant now{1000s};
        Streams caller(Role::caller, {.packets = 85}, now);
        SendStream& busy = which == 0 ? caller.audio_out : which == 1 ? caller.video_out : caller.repair_out;
        for (int i = 0; i < 5; ++i) packet_of(busy);
        CHECK_FALSE(caller.epochs.spent(caller.all()));
        packet_of(busy);
        CHECK(caller.epochs.spent(caller.all()));
        REQUIRE(caller.epochs.begin_epoch(caller.all(), now));
        CHECK_FALSE(caller.epochs.spent(caller.all()));
        for (SendStream* const stream : {&caller.audio_out, &caller.video_out, &caller.repair_out})
            CHECK(mki(packet_of(*stream)) == 1);
        for (int i = 0; i < 20; ++i, packet_of(busy)) {  // which is seen in time without a look for each packet
            const bool spent = caller.epochs.may_be_spent() && caller.epochs.spent(caller.all());
            if (spent) REQUIRE(caller.epochs.begin_epoch(caller.all(), now));
            CHECK(busy.packets_under_key() <= 5);
        }
    }
}

TEST_CASE("a sender turns its key every minute, at its deadline, though it sends nothing but reports") {
    Media media(1);
    for (std::uint32_t epoch = 0; epoch < 5; ++epoch) {
        CHECK(stats(*media.caller).epoch == epoch);
        const Instant turn = Instant(1000s) + 60s * (epoch + 1);
        while (media.caller->deadline() < turn) {
            media.now = std::max(media.now, media.caller->deadline());
            media.settle();
        }
        CHECK(media.caller->deadline() == turn);
        media.now = turn;
        media.settle();
    }
    CHECK(stats(*media.caller).epochs_begun == 6);
    media.now += 100ms;
    media.settle();
    check_keys_fit(media);
}

TEST_CASE("a key is turned before it has protected too many packets, and nothing is lost at any turn") {
    for (const std::uint64_t seed : seeds(10, 4)) {
        CAPTURE(seed);
        // 80 packets of the limit are kept for a whole frame: 20 ms times 100 here.
        Media media(seed, {.packets = 180}, {.delay = 30ms, .jitter = 60ms, .loss = 0.1, .duplicated = 0.1});
        media.talk(40s);
        check_keys_fit(media);
        CHECK(stats(*media.caller).epoch >= 19);
        CHECK(stats(*media.callee).epoch >= 19);
        std::map<std::uint16_t, int> sound;
        for (const Buffer& datagram : media.callers) {
            if (!transport::is_rtcp(datagram)) ++sound[mki(datagram)];
        }
        for (const auto& [epoch, packets] : sound) CHECK(packets <= 101);
        CHECK(sound.size() >= 19);
    }
}

TEST_CASE("what a client left unpolled for long still leaves within the limits") {
    Media media(2, {.packets = 85});
    static constexpr std::array<std::int16_t, 960> silence{};
    std::vector<Buffer> sent;
    for (int i = 0; i < 60; ++i) {
        REQUIRE(media.caller->send(AudioBlock{.samples = silence, .captured = media.now}, media.now));
        if (i % 8 == 7) media.poll(*media.caller, media.to_callee, sent);
    }
    CHECK(stats(*media.caller).epoch >= 9);
    std::map<std::uint16_t, int> sound;
    for (const Buffer& datagram : sent) {
        if (!transport::is_rtcp(datagram)) ++sound[mki(datagram)];
    }
    for (const auto& [epoch, packets] : sound) CHECK(packets <= 6);
}

TEST_CASE("packets that come faster than the client polls find their keys all the same") {
    Media media(3, {.packets = 85});
    static constexpr std::array<std::int16_t, 960> silence{};
    std::vector<Buffer> sent;
    for (int i = 0; i < 30; ++i) {
        REQUIRE(media.caller->send(AudioBlock{.samples = silence, .captured = media.now}, media.now));
        media.poll(*media.caller, media.to_callee, sent);
    }
    REQUIRE(stats(*media.caller).epoch >= 4);
    for (const Buffer& datagram : sent) CHECK(media.callee->receive(datagram, media.now));
}

TEST_CASE("of epochs that end one right after another the newest eight open packets that come late") {
    Media media(8, {.packets = 85});
    static constexpr std::array<std::int16_t, 960> silence{};
    std::vector<Buffer> sent;
    for (int i = 0; i < 60; ++i) {
        REQUIRE(media.caller->send(AudioBlock{.samples = silence, .captured = media.now}, media.now));
        media.poll(*media.caller, media.to_callee, sent);
    }
    std::map<std::uint16_t, std::size_t> last;  // of each epoch: it comes late
    for (std::size_t i = 0; i < sent.size(); ++i) last[mki(sent[i])] = i;
    REQUIRE(last.size() >= 10);
    for (std::size_t i = 0; i < sent.size(); ++i) {
        if (last[mki(sent[i])] != i) REQUIRE(media.callee->receive(sent[i], media.now));
    }
    const auto newest = static_cast<std::uint16_t>(last.size() - 1);
    for (const auto& [epoch, late] : last) {
        CAPTURE(epoch);
        const auto received = media.callee->receive(sent[late], media.now);
        CHECK((!received && received.error() == Error::unknown_epoch) == (epoch + 8 < newest));
    }
}

TEST_CASE("earlier keys open packets for two seconds after the first of the later epoch, then no more") {
    Media media(4);
    media.talk(59s);
    Link held({}, 1);  // whatever the caller sends now comes late
    std::vector<Buffer> late;
    while (media.now < Instant(1060s)) {
        static constexpr std::array<std::int16_t, 960> silence{};
        REQUIRE(media.caller->send(AudioBlock{.samples = silence, .captured = media.now}, media.now));
        media.poll(*media.caller, held, late);
        media.now += 20ms;
    }
    REQUIRE(late.size() >= 20);
    media.talk(100ms);  // under the next epoch
    REQUIRE(stats(*media.caller).epoch == 1);
    const Instant first = Instant(1060s) + 60ms;  // sent 20 ms after the turn, 30 ms on its way, a step each 20 ms
    while (media.now < first + 1980ms) media.talk(20ms);
    const auto in_time = media.callee->receive(late[late.size() - 1], media.now);
    CHECK((in_time || in_time.error() != Error::unknown_epoch));
    media.talk(40ms);
    CHECK(media.callee->receive(late[late.size() - 2], media.now).error() == Error::unknown_epoch);
    media.talk(500ms);
    CHECK(stats(*media.callee).refused[Error::unknown_epoch] == 1);
}

TEST_CASE("who asked sends under a generation at once, who answered once a packet has come under it") {
    for (const bool caller_asks : {true, false}) {
        CAPTURE(caller_asks);
        Media media(5);
        media.talk(1s);
        media.agree(1, caller_asks);
        const RtpSession& asked = caller_asks ? *media.caller : *media.callee;
        const RtpSession& answered = caller_asks ? *media.callee : *media.caller;
        CHECK(stats(asked).epoch == 65536);
        CHECK(stats(answered).epoch == 0);
        media.talk(20ms);
        CHECK(stats(answered).epoch == 0);  // nothing has come yet
        media.talk(60ms);
        CHECK(stats(answered).epoch == 65536);
        CHECK(stats(answered).generations_agreed == 2);
        media.talk(5s);
        check_keys_fit(media);
    }
}

TEST_CASE("a generation that was agreed on but is never sent under does no harm, however many there are") {
    Media media(6);
    for (std::uint16_t number = 1; number < 40; ++number) {
        REQUIRE(media.callee->agree(generation(number, Role::callee), MediaEpochs::Side::answered, media.now));
        media.talk(100ms);
    }
    media.agree(40, true);
    media.talk(5s);
    check_keys_fit(media);
    CHECK(stats(*media.caller).epoch == 40 * 65536);
    CHECK(stats(*media.callee).epoch == 40 * 65536);
}

TEST_CASE("the end of an epoch and a new generation at one time lose nothing, whatever overtakes what") {
    for (const std::uint64_t seed : seeds(20, 8)) {
        CAPTURE(seed);
        Media media(seed, {}, {.delay = 30ms, .jitter = 200ms, .loss = 0.3});
        media.talk(60s);
        media.agree(1, seed % 2 == 0);  // the epoch ends in the next poll, or has just ended
        media.talk(40ms);
        media.agree(2, seed % 2 == 1);
        media.talk(3s);
        check_keys_fit(media);
        CHECK(stats(*media.caller).epoch >= 2 * 65536);
        CHECK(stats(*media.callee).epoch >= 2 * 65536);
    }
}

TEST_CASE("whoever holds a generation's keys, all of them, opens nothing of the next") {
    Media media(7);
    media.talk(130s);
    const std::size_t before = media.callers.size();
    REQUIRE(opens_any(generation(0, Role::callee).receiving, 1, std::span(media.callers).first(before)));
    media.agree(1, true);
    media.talk(70s);
    std::vector<Buffer> after(media.callers.begin() + static_cast<std::ptrdiff_t>(before), media.callers.end());
    std::erase_if(after, [](const Buffer& datagram) { return transport::is_rtcp(datagram); });
    REQUIRE(after.size() > 3000);
    CHECK_FALSE(opens_any(generation(0, Role::callee).receiving, 6, after));
    CHECK(opens_any(generation(1, Role::callee).receiving, 1, after));

    // Nor does it get anything in: its packets are under keys that are gone.
    auto keys = generation(0, Role::caller).sending.next();
    auto sender = transport::SrtpSender::create(std::move(keys->audio), callers_sound);
    alignas(8) std::array<std::byte, 64> packet{};
    const std::size_t size =
        *transport::write_rtp_header({.payload_type = opus_payload_type, .ssrc = callers_sound}, packet);
    const auto length = sender->protect_rtp(packet, size + 20);
    REQUIRE(length);
    CHECK(media.callee->receive(std::span(packet).first(*length), media.now).error() == Error::unknown_epoch);
}
