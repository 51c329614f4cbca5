// Sound from the encoder to the ear over a bad network, in virtual time: what is concealed, and after how long it
// plays.
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>

#include "call/audio_receiver.h"
#include "call/audio_sender.h"
#include "codec/opus_encoder.h"
#include "support/random.h"
#include "transport/srtp.h"

namespace sotto::test {
inline std::size_t allocations = 0;  // counted by support/allocations.h, which one file of a program includes
}

using namespace sotto;
using namespace std::chrono_literals;

namespace {

constexpr Ssrc ssrc{0x51515151};
constexpr Duration block = 20ms;

template <class Direction>
SrtpKey<Direction> key() {
    SrtpKey<Direction> key;
    for (std::byte& byte : key.fill()) byte = std::byte{7};
    return key;
}

// Speech at 48 kHz, or a voice-like buzz that glides where the recording is not there.
std::vector<std::int16_t> voice() {
    const std::filesystem::path path = std::filesystem::path(SOTTO_VECTORS) / "media/speech16k.wav";
    std::vector<std::int16_t> samples;
    if (std::ifstream file(path, std::ios::binary); file) {
        file.seekg(44);  // a plain header, 16 kHz mono
        std::int16_t before = 0;
        for (std::int16_t sample = 0; file.read(reinterpret_cast<char*>(&sample), 2); before = sample) {
            for (int third = 1; third <= 3; ++third) {
                samples.push_back(static_cast<std::int16_t>(before + (sample - before) * third / 3));
            }
        }
    }
    if (samples.size() >= 480000) return samples;
    MESSAGE("synthetic voice: ../shared/vectors is not there");
    samples.clear();
    for (int i = 0; i < 480000; ++i) {
        const double t = i / 48000.0, phase = 2 * 3.14159265 * (130 * t - 6 * std::cos(3 * t));
        double sum = 0;
        for (int harmonic = 1; harmonic < 20; ++harmonic) sum += std::sin(harmonic * phase) / harmonic;
        samples.push_back(static_cast<std::int16_t>(3000 * sum * (0.55 + 0.45 * std::sin(9 * t))));
    }
    return samples;
}

struct Channel {
    int copies = 0;
    Duration sender_block = block;                               // by our clock
    std::function<std::optional<Duration>(std::int64_t)> delay;  // of a packet; nothing if it is lost
};

double milliseconds(Duration duration) { return static_cast<double>(duration.count()) / 1e6; }

struct Heard {
    std::vector<std::int16_t> samples;
    ReceiveStats stats;
    RefusalCounts refused;
    std::map<Instant, Duration> delays;  // by when the block was played: mean time its packets waited for that

    double concealed_share() const {
        return static_cast<double>(stats.concealed_samples) / static_cast<double>(stats.total_samples_received);
    }
    double mean_wait_ms() const {
        return milliseconds(stats.jitter_buffer_delay) / static_cast<double>(stats.jitter_buffer_emitted_count);
    }
    double mean_wait_ms(Instant from, Instant to) const {
        double sum = 0, count = 0;
        for (auto i = delays.lower_bound(from); i != delays.lower_bound(to); ++i)
            sum += milliseconds(i->second), ++count;
        return sum / count;
    }
};

const Instant start{1000s};

struct InFlight {
    Instant arrives{};
    std::int64_t number = 0;
    Buffer datagram;
};

// Ten seconds of the voice, to be said again and again.
std::vector<Buffer> encoded_voice() {
    const std::vector<std::int16_t> sound = voice();
    auto encoder = std::move(*codec::OpusEncoder::create({.bitrate = 24000}));
    std::vector<Buffer> blocks;
    for (std::size_t at = 0; at < 480000; at += 960) {
        Buffer packet(200);
        packet.resize(*encoder.encode({.samples = std::span(sound).subspan(at, 960)}, packet));
        blocks.push_back(std::move(packet));
    }
    return blocks;
}

// The packets that a sender makes of the voice, in the order in which they arrive.
std::vector<InFlight> sent_through(const Channel& channel, std::int64_t blocks) {
    static const std::vector<Buffer> voice_blocks = encoded_voice();
    auto srtp = std::move(*transport::SrtpSender::create(key<Sending>(), ssrc));
    call::EarlierBlocks earlier;
    std::vector<InFlight> packets;
    for (std::int64_t n = 0; n < blocks; ++n) {
        const RtpTimestamp timestamp{static_cast<std::uint32_t>(n * 960)};
        const Buffer& said = voice_blocks[static_cast<std::size_t>(n) % voice_blocks.size()];
        Buffer datagram(transport::max_datagram);
        const MutableBytes room = MutableBytes(datagram).subspan(transport::rtp_header_size, 1000);
        const std::size_t front = earlier.write(channel.copies, timestamp, said.size(), room);
        std::ranges::copy(said, room.subspan(front).begin());
        earlier.keep(said, timestamp);
        const transport::RtpHeader header{
            .payload_type = front > 0 ? call::redundant_payload_type : call::opus_payload_type,
            .sequence = SequenceNumber{static_cast<std::uint16_t>(1000 + n)},
            .timestamp = timestamp,
            .ssrc = ssrc};
        const std::size_t headers = *transport::write_rtp_header(header, datagram);
        datagram.resize(*srtp.protect_rtp(datagram, headers + front + said.size()));
        if (const auto delay = channel.delay(n)) {
            packets.push_back({start + n * channel.sender_block + *delay, n, std::move(datagram)});
        }
    }
    std::ranges::sort(packets, {}, [](const InFlight& packet) { return std::pair(packet.arrives, packet.number); });
    return packets;
}

Heard hear(std::vector<InFlight> packets) {
    auto receiver = std::move(*call::AudioReceiver::create(key<Receiving>(), ssrc, block, 1));
    call::TraceLog traces(nullptr);
    Heard heard;
    heard.samples.reserve(packets.size() * 1000);
    const Instant end = packets.back().arrives;
    auto packet = packets.begin();
    while (packet != packets.end() || receiver.deadline() <= end) {
        if (packet != packets.end() && packet->arrives <= receiver.deadline()) {
            const auto taken = receiver.receive(packet->datagram, packet->arrives, traces);
            if (!taken) ++heard.refused[taken.error()];
            ++packet;
            continue;
        }
        const Instant now = receiver.deadline();
        const ReceiveStats before = receiver.stats();
        const auto played = receiver.next(now, traces, heard.refused);
        REQUIRE(played);
        REQUIRE(played->block.frames() == 960);
        heard.samples.insert(heard.samples.end(), played->block.samples.begin(), played->block.samples.end());
        const ReceiveStats after = receiver.stats();
        const auto emitted = after.jitter_buffer_emitted_count - before.jitter_buffer_emitted_count;
        if (emitted > 0) {
            heard.delays[now] =
                (after.jitter_buffer_delay - before.jitter_buffer_delay) / static_cast<std::int64_t>(emitted);
        }
    }
    heard.stats = receiver.stats();
    return heard;
}

Heard run(const Channel& channel, std::int64_t blocks) { return hear(sent_through(channel, blocks)); }

Duration small_jitter(test::SeededRandom& random) { return std::chrono::microseconds(random.below(1500)); }

Duration exponential(test::SeededRandom& random, Duration mean) {
    const double uniform = (static_cast<double>(random.below(1000000)) + 1) / 1000001;
    return std::chrono::microseconds(static_cast<std::int64_t>(-std::log(uniform) * static_cast<double>(mean / 1us)));
}

}  // namespace

TEST_CASE("on a clean link a block is played within ten milliseconds of its arrival, and nothing is invented") {
    test::SeededRandom random(1);
    const Heard heard = run({.delay = [&](std::int64_t) { return 20ms + small_jitter(random); }}, 3000);
    CHECK(heard.mean_wait_ms() < 10);
    CHECK(heard.stats.concealed_samples == 0);
    CHECK(heard.stats.concealed == 0);
    CHECK(heard.stats.skipped == 0);
    CHECK(heard.stats.total_samples_received == heard.samples.size());
    CHECK(heard.refused.total() == 0);
}

TEST_CASE("with copies in the packets, little is concealed at any loss, and the delay is what the copies need") {
    struct Case {
        double loss;
        int copies;
        double concealed;  // at most
        double wait_ms;
    };
    for (const auto& [loss, copies, concealed, wait_ms] :
         {Case{0.05, 2, 0.004, 32}, Case{0.10, 2, 0.0044, 52}, Case{0.20, 3, 0.0122, 75}, Case{0.40, 4, 0.04, 120}}) {
        for (const std::uint64_t seed : {11U, 12U, 13U}) {
            CAPTURE(loss);
            CAPTURE(seed);
            test::SeededRandom random(seed);
            const Heard heard = run({.copies = copies,
                                     .delay = [&](std::int64_t) -> std::optional<Duration> {
                                         const Duration delay = 50ms + small_jitter(random);
                                         if (random.chance(loss)) return std::nullopt;
                                         return delay;
                                     }},
                                    6000);
            CAPTURE(heard.concealed_share());
            CAPTURE(heard.mean_wait_ms());
            CHECK(heard.concealed_share() <= concealed);
            CHECK(heard.mean_wait_ms() <= wait_ms);
            CHECK(heard.stats.redundant_used > 0);
            CHECK(heard.stats.redundant_unused > 0);
            CHECK(heard.refused.total() == heard.refused[Error::too_late]);
        }
    }
}

TEST_CASE("jitter is waited for as far as it is worth it") {
    for (const int copies : {0, 1}) {
        test::SeededRandom random(21);
        const Heard heard =
            run({.copies = copies, .delay = [&](std::int64_t) { return 50ms + exponential(random, 20ms); }}, 6000);
        CAPTURE(copies);
        CHECK(heard.concealed_share() < 0.02);
        CHECK(heard.mean_wait_ms() < 82);
    }
}

TEST_CASE("when the network becomes faster the delay shrinks within two seconds, and no block is dropped") {
    for (const Duration step : {60ms, 100ms, 200ms}) {
        CAPTURE(step / 1ms);
        test::SeededRandom random(31);
        const auto delay = [&](std::int64_t n) {
            return 30ms + (n >= 500 && n < 1500 ? step : 0ms) + small_jitter(random);
        };
        const Heard heard = run({.delay = delay}, 2500);
        CHECK(heard.mean_wait_ms(start + 20s, start + 29s) < 30);
        CHECK(heard.mean_wait_ms(start + 32500ms, start + 50s) < 30);
        CHECK(heard.stats.skipped == 0);
        CHECK(heard.stats.removed_samples_for_acceleration >= static_cast<std::uint64_t>(step / 1ms * 48 - 960));
        CHECK(heard.stats.concealed <= static_cast<std::uint64_t>(step / block) + 3);
    }
}

TEST_CASE("a sender's clock that is 300 ppm off is followed for ten minutes without concealment") {
    for (const std::int64_t off_ns : {6000, -6000}) {
        CAPTURE(off_ns);
        test::SeededRandom random(41);
        const Heard heard = run({.sender_block = block + Duration(off_ns),
                                 .delay = [&](std::int64_t) { return 30ms + small_jitter(random); }},
                                30000);
        CHECK(heard.stats.concealed == 0);
        CHECK(heard.stats.skipped == 0);
        CHECK(heard.mean_wait_ms() < 25);
        CHECK(heard.stats.inserted_samples_for_deceleration + heard.stats.removed_samples_for_acceleration > 4000);
    }
}

TEST_CASE("what is received and played allocates nothing in the steady state, whatever the network does") {
    test::SeededRandom random(51);
    auto packets = sent_through({.copies = 2,
                                 .delay = [&](std::int64_t) -> std::optional<Duration> {
                                     if (random.chance(0.1)) return std::nullopt;
                                     return 30ms + exponential(random, 10ms);
                                 }},
                                1000);
    auto receiver = std::move(*call::AudioReceiver::create(key<Receiving>(), ssrc, block, 1));
    call::TraceLog traces(nullptr);
    RefusalCounts refused;
    std::size_t taken = 0, before = 0;
    for (InFlight& packet : packets) {
        if (++taken == 50) before = test::allocations;
        while (receiver.deadline() < packet.arrives) REQUIRE(receiver.next(receiver.deadline(), traces, refused));
        static_cast<void>(receiver.receive(packet.datagram, packet.arrives, traces));
    }
    const std::size_t after = test::allocations;
    CHECK(after == before);
    Buffer counted(1);
    CHECK_MESSAGE(test::allocations > after, "the counter counts");
    CHECK(receiver.stats().redundant_used > 50);
}

TEST_CASE("a packet with copies that are no RFC 2198 of ours is refused by name") {
    auto srtp = std::move(*transport::SrtpSender::create(key<Sending>(), ssrc));
    auto receiver = std::move(*call::AudioReceiver::create(key<Receiving>(), ssrc, block, 1));
    call::TraceLog traces(nullptr);
    std::uint16_t number = 0;
    const auto receive = [&](std::initializer_list<int> payload) -> Result<void> {
        Buffer datagram(transport::max_datagram);
        const transport::RtpHeader header{.payload_type = call::redundant_payload_type,
                                          .sequence = SequenceNumber{++number},
                                          .timestamp = RtpTimestamp{number * 960U},
                                          .ssrc = ssrc};
        std::size_t size = *transport::write_rtp_header(header, datagram);
        for (const int byte : payload) datagram[size++] = static_cast<std::byte>(byte);
        datagram.resize(*srtp.protect_rtp(datagram, size));
        return receiver.receive(datagram, start, traces);
    };
    CHECK(receive({111, 8, 1}));                          // the present block alone
    CHECK(receive({0xef, 0x0f, 0, 2, 111, 8, 1, 8, 1}));  // one copy, 960 before
    CHECK(receive({}).error() == Error::truncated);
    CHECK(receive({0xef, 0x0f, 0}).error() == Error::malformed);                      // a header cut off
    CHECK(receive({0xef, 0x0f, 0, 9, 111, 8, 1}).error() == Error::truncated);        // a block cut off
    CHECK(receive({96, 8, 1}).error() == Error::malformed);                           // not our codec
    CHECK(receive({0xef, 0x0e, 0, 2, 111, 8, 1, 8, 1}).error() == Error::malformed);  // not a whole number of blocks
    CHECK(receive({0xef, 0, 0, 2, 111, 8, 1, 8, 1}).error() == Error::malformed);     // a copy of the present
    CHECK(receive({0xef, 0x0f, 0,    1,    0xef, 0x0f, 0,   1, 0xef, 0x0f, 0, 1, 0xef, 0x0f,
                   0,    1,    0xef, 0x0f, 0,    1,    111, 8, 8,    8,    8, 8, 8,    1})
              .error() == Error::malformed);  // more than four
}
