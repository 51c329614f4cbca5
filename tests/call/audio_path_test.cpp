// Sound from the encoder to the ear over a bad network, in virtual time: what is concealed, and after how long it
// plays.
#include "call/sound_path.h"

namespace sotto::test {
inline std::size_t allocations = 0;  // counted by support/allocations.h, which one file of a program includes
}

using namespace sotto;
using namespace sotto::test;
using namespace sotto::test::sound;

TEST_CASE("on a clean link a block is played within ten milliseconds of its arrival, and nothing is invented") {
    for (const Duration length : both_lengths) {
        SeededRandom random(1);
        const Heard heard =
            run({.length = length, .delay = [&](std::int64_t) { return 20ms + small_jitter(random); }}, 60s / length);
        CAPTURE(length / 1ms);
        CHECK(heard.mean_wait_ms() < 10);
        CHECK(heard.mean_mouth_to_ear_ms() < static_cast<double>(length / 1ms) + 20 + 10);
        CHECK(heard.stats.concealed_samples == 0);
        CHECK(heard.stats.concealed == 0);
        CHECK(heard.stats.skipped == 0);
        CHECK(heard.stats.total_samples_received == heard.samples.size());
        CHECK(heard.refused.total() == 0);
    }
}

TEST_CASE("with copies in the packets, little is concealed at any loss, and the delay is what the copies need") {
    struct Case {
        double loss;
        int copies;
        double concealed;  // at most
        double wait_ms;
    };
    for (const auto& [loss, copies, concealed, wait_ms] :
         {Case{0.05, 2, 0.0021, 32}, Case{0.10, 2, 0.0044, 32}, Case{0.20, 2, 0.012, 32}, Case{0.40, 3, 0.043, 45}}) {
        for (const std::uint64_t seed : {11U, 12U, 13U}) {
            CAPTURE(loss);
            CAPTURE(seed);
            SeededRandom random(seed);
            const Heard heard = run({.copies = always(copies),
                                     .delay = [&](std::int64_t) -> std::optional<Duration> {
                                         const Duration delay = 50ms + small_jitter(random);
                                         if (random.chance(loss)) return std::nullopt;
                                         return delay;
                                     }},
                                    120s / block);
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
        SeededRandom random(21);
        const Heard heard =
            run({.copies = always(copies), .delay = [&](std::int64_t) { return 50ms + exponential(random, 20ms); }},
                120s / block);
        CAPTURE(copies);
        CHECK(heard.concealed_share() < 0.008);
        CHECK(heard.mean_wait_ms() < 82);  // one block in 60 comes later
    }
}

TEST_CASE("blocks that share packets are played as soon as long ones, and lost ones come from copies") {
    for (const double loss : {0.0, 0.05}) {
        SeededRandom random(23);
        const Heard heard = run({.copies = always(loss > 0 ? 2 : 0),
                                 .pairs = true,
                                 .delay = [&](std::int64_t) -> std::optional<Duration> {
                                     const Duration delay = 20ms + small_jitter(random);
                                     if (random.chance(loss)) return std::nullopt;
                                     return delay;
                                 }},
                                120s / block);
        CAPTURE(loss);
        CAPTURE(heard.mean_wait_ms());
        CAPTURE(heard.concealed_share());
        CHECK(heard.mean_mouth_to_ear_ms() < (loss > 0 ? 95 : 50));
        CHECK(heard.concealed_share() <= (loss > 0 ? 0.0021 : 0.0001));  // once, to learn that they come in pairs
        CHECK(heard.refused.total() == 0);
    }
}

TEST_CASE("when the network becomes faster the delay shrinks within two seconds, and no block is dropped") {
    for (const Duration step : {60ms, 100ms, 200ms}) {
        CAPTURE(step / 1ms);
        SeededRandom random(31);
        const auto delay = [&](std::int64_t n) {
            return 30ms + (n * block >= 10s && n * block < 30s ? step : 0ms) + small_jitter(random);
        };
        const Heard heard = run({.delay = delay}, 50s / block);
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
        SeededRandom random(41);
        const Heard heard = run({.faster = Duration(off_ns) * (block / 1ms) / 20,
                                 .delay = [&](std::int64_t) { return 30ms + small_jitter(random); }},
                                600s / block);
        CHECK(heard.stats.concealed == 0);
        CHECK(heard.stats.skipped == 0);
        CHECK(heard.mean_wait_ms() < 25);
        CHECK(heard.stats.inserted_samples_for_deceleration + heard.stats.removed_samples_for_acceleration > 4000);
    }
}

TEST_CASE("what is received and played allocates nothing in the steady state, whatever the network does") {
    SeededRandom random(51);
    auto packets = sent_through({.copies = always(2),
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
        if (++taken == 50) before = allocations;
        while (receiver.deadline() < packet.arrives) REQUIRE(receiver.next(receiver.deadline(), traces, refused));
        static_cast<void>(receiver.receive(packet.datagram, packet.arrives, traces));
    }
    const std::size_t after = allocations;
    CHECK(after == before);
    Buffer counted(1);
    CHECK_MESSAGE(allocations > after, "the counter counts");
    CHECK(receiver.stats().redundant_used > 50);
}

TEST_CASE("a packet with copies that are no RFC 2198 of ours is refused by name") {
    auto srtp = std::move(*transport::SrtpSender::create(key<Sending>(), ssrc));
    auto receiver = std::move(*call::AudioReceiver::create(key<Receiving>(), ssrc, 20ms, 1));
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
    CHECK(receive({111, 8, 1}));  // the present block alone
    CHECK(receiver.received_until() == RtpTimestamp{2 * 960});
    static_cast<void>(receive({111, 16, 1}));  // 40 ms (RFC 6716 §3.1)
    CHECK(receiver.received_until() == RtpTimestamp{2 * 960 + 1920});
    CHECK(receive({0xef, 0x0f, 0, 2, 111, 8, 1, 8, 1}));  // one copy, 960 before
    CHECK(receive({}).error() == Error::truncated);
    CHECK(receive({0xef, 0x0f, 0}).error() == Error::truncated);                      // a header cut off
    CHECK(receive({0xef, 0x0f, 0, 9, 111, 8, 1}).error() == Error::truncated);        // a block cut off
    CHECK(receive({96, 8, 1}).error() == Error::malformed);                           // not our codec
    CHECK(receive({0xef, 0x0e, 0, 2, 111, 8, 1, 8, 1}).error() == Error::malformed);  // not a whole number of blocks
    CHECK(receive({0xef, 0, 0, 2, 111, 8, 1, 8, 1}).error() == Error::malformed);     // a copy of the present
    CHECK(receive({0xef, 0x0f, 0,    1,    0xef, 0x0f, 0,   1, 0xef, 0x0f, 0, 1, 0xef, 0x0f,
                   0,    1,    0xef, 0x0f, 0,    1,    111, 8, 8,    8,    8, 8, 8,    1})
              .error() == Error::malformed);  // more than four
}
