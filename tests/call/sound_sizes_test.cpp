// Sizes and times of packets follow the network, never what is said: voice, music and silence look alike.
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numbers>
#include <set>
#include <tuple>

#include "call/audio_sender.h"
#include "sim/two_party.h"
#include "support/random.h"

using namespace sotto;
using namespace sotto::call;
using namespace sotto::test;
using namespace std::chrono_literals;

namespace {

double tone(double hertz, std::uint64_t sample) {
    return std::sin(2 * std::numbers::pi * hertz * static_cast<double>(sample) / 48000);
}

std::int16_t level(double value) { return static_cast<std::int16_t>(std::lround(value)); }

std::int16_t silence(std::uint64_t) { return 0; }

// Syllables of a low voice, with hiss that comes of the sample's number alone.
std::int16_t voice(std::uint64_t at) {
    const double loudness = std::max(0.0, tone(3.1, at));
    double voiced = 0;
    for (const int harmonic : {1, 2, 3, 5, 8}) voiced += tone(110.0 * harmonic, at) / harmonic;
    const auto hiss = static_cast<std::int32_t>(at * 0x9e3779b97f4a7c15 >> 52) - 2048;
    return level(6000 * loudness * voiced + hiss / 8.0);
}

std::int16_t music(std::uint64_t at) {
    const double step = std::exp2(static_cast<double>(at / 12000 % 12) / 12);
    return level(5000 * (tone(440 * step, at) + tone(554.4 * step, at) + tone(1318.5 * step, at)));
}

// An eighth of a second of it, then one of nothing.
std::int16_t talk(std::uint64_t at) { return at / 6000 % 2 == 0 ? voice(at) : std::int16_t{0}; }

using Sound = std::int16_t (*)(std::uint64_t);
constexpr std::array<Sound, 2> sounds{talk, music};  // each is compared with silence

struct Way {
    int bitrate, block_ms, long_ms;
    bool pairs;
    AudioCopies copies;
    double loss;  // steers in-band FEC
};

// Type and size of each packet that leaves, of 0.36 s; 0 where a block waits.
std::vector<std::pair<int, std::size_t>> packets_of(const Way& way, Sound sound) {
    SeededRandom random(1);
    SrtpKey<Sending> key;
    random.fill(key.fill());
    auto sender = *AudioSender::create(std::move(key), Ssrc{1}, true,
                                       {.audio_block_ms = way.block_ms, .audio_bitrate = 64000}, random);
    sender.set_bitrate(way.bitrate);
    sender.set_copies(way.copies);
    sender.set_pairs(way.pairs);
    sender.set_long(way.long_ms);
    sender.set_loss(way.loss);
    TraceLog traces(nullptr);
    Outbox outbox;
    std::vector<std::int16_t> samples(static_cast<std::size_t>(way.block_ms) * 48);
    std::vector<std::pair<int, std::size_t>> packets;
    for (std::uint64_t at = 0; at < 360 * 48; at += samples.size()) {
        for (std::size_t i = 0; i < samples.size(); ++i) samples[i] = sound(at + i);
        SequenceNumber number = sender.stream.next_number();
        REQUIRE(sender.send({.samples = samples}, Instant{}, traces, outbox));
        if (number == sender.stream.next_number()) packets.emplace_back(0, 0);
        for (; number != sender.stream.next_number(); number = number + 1) {
            const auto kept = sender.stream.history().find(number);
            REQUIRE(kept);
            packets.emplace_back(kept->header.payload_type.value, kept->payload.size());
        }
    }
    return packets;
}

struct Arrivals {
    std::vector<std::size_t> sizes;
    std::vector<Instant> times;
};

// Each datagram of a call: at the callee, and at the caller.
std::array<Arrivals, 2> arrivals(const LinkConditions& link, const CallSettings& settings, Sound sound) {
    TwoParty world(5, link);
    world.sound = sound;
    world.even_steps = true;  // which playing sound has no part in
    std::array<Arrivals, 2> all;
    world.relay = [&](Side& to, Bytes datagram) {
        Arrivals& here = all[&to == &world.callee ? 0 : 1];
        here.sizes.push_back(datagram.size());
        here.times.push_back(world.now);
        static_cast<void>(world.receive(to, datagram));
    };
    world.connect(settings);
    world.talk(4s, settings);
    return all;
}

}  // namespace

TEST_CASE("packets of sound are of the same sizes for voice, music and silence, at each rate, length, copy and FEC") {
    std::size_t ways = 0;
    for (const int bitrate : {6000, 8000, 12000, 16000, 24000, 32000}) {
        for (const auto& [block_ms, long_ms, pairs] :
             {std::tuple(10, 0, false), std::tuple(10, 0, true), std::tuple(20, 0, false), std::tuple(10, 40, false),
              std::tuple(20, 60, false)}) {
            for (const AudioCopies& copies : {AudioCopies{}, AudioCopies{1}, AudioCopies{2, 2}, AudioCopies{4},
                                              AudioCopies{.count = 3, .times = 2, .shared = true},
                                              AudioCopies{.times = 4}, AudioCopies{.count = 1, .times = 3}}) {
                for (const double loss : {0.0, 0.1}) {
                    if (loss > 0 && copies.count > 0) continue;  // FEC is of use without copies alone
                    const Way way{bitrate, block_ms, long_ms, pairs, copies, loss};
                    CAPTURE(bitrate);
                    CAPTURE(block_ms);
                    CAPTURE(long_ms);
                    CAPTURE(pairs);
                    CAPTURE(copies.count);
                    CAPTURE(loss);
                    const auto silent = packets_of(way, silence);
                    for (const Sound sound : sounds) CHECK(packets_of(way, sound) == silent);
                    ++ways;
                }
            }
        }
    }
    CHECK(ways == 6 * 5 * 9);
}

TEST_CASE("over a narrow or losing link each datagram's size and time is the same for voice, music and silence") {
    for (const std::int64_t rate : {24'000, 40'000, 300'000}) {
        for (const double loss : {0.0, 0.05}) {
            CAPTURE(rate);
            CAPTURE(loss);
            const LinkConditions link{.delay = 50ms, .loss = loss, .queue = {.rate = rate, .queue = 300ms}};
            const CallSettings settings{.video = false};
            const auto silent = arrivals(link, settings, silence);
            for (const Arrivals& here : silent) {
                CHECK(here.sizes.size() > 80);
                CHECK(std::set(here.sizes.begin(), here.sizes.end()).size() > 3);  // they do follow the network
            }
            for (const Sound sound : sounds) {
                const auto heard = arrivals(link, settings, sound);
                for (std::size_t side = 0; side < 2; ++side) {
                    CHECK(heard[side].sizes == silent[side].sizes);
                    CHECK((heard[side].times == silent[side].times));
                }
            }
        }
    }
}
