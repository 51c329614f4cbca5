#include "call/audio_sender.h"

#include <doctest/doctest.h>

#include <cmath>

#include "base/byte_reader.h"
#include "support/random.h"
#include "transport/opus_payload.h"

using namespace sotto;
using namespace sotto::call;
using namespace std::chrono_literals;

namespace {

// Block `n` of `size` bytes, 20 ms after the one before.
RtpTimestamp time_of(std::uint32_t n) { return RtpTimestamp{0xfffff000U + n * 960}; }
Buffer block(std::uint32_t n, std::size_t size = 80) { return Buffer(size, static_cast<std::byte>(n)); }

}  // namespace

TEST_CASE("copies of earlier blocks go in front of the present one as RFC 2198 lays down, oldest first") {
    EarlierBlocks earlier;
    Buffer room(1200);
    CHECK(earlier.write({4}, time_of(0), 80, room) == 0);
    for (std::uint32_t n = 0; n < 7; ++n) earlier.keep(block(n), time_of(n));
    CHECK(earlier.write({0}, time_of(7), 80, room) == 0);
    struct Case {
        AudioCopies copies;
        std::vector<std::uint32_t> back;
    };
    for (const auto& [copies, back] : {Case{{1}, {1}}, Case{{2}, {2, 1}}, Case{{4}, {4, 3, 2, 1}}, Case{{1, 2}, {1}},
                                       Case{{2, 2}, {3, 1}}, Case{{4, 2}, {7, 5, 3, 1}}}) {
        CAPTURE(copies.count);
        CAPTURE(copies.spacing);
        const std::size_t size = earlier.write(copies, time_of(7), 80, room);
        CHECK(size == back.size() * (4 + 80) + 1);
        ByteReader in(Bytes(room).first(size));
        for (const std::uint32_t steps : back) {
            CHECK(*in.u32() == (0x80000000U | 111U << 24 | steps * 960U << 10 | 80U));
        }
        CHECK(*in.u8() == 111);
        for (const std::uint32_t steps : back) CHECK(std::ranges::equal(*in.take(80), block(7 - steps)));
        CHECK(in.empty());
    }
    EarlierBlocks two;
    for (std::uint32_t n = 5; n < 7; ++n) two.keep(block(n), time_of(n));
    CHECK(two.write({2, 2}, time_of(7), 80, room) == 4 + 80 + 1);  // there is none three back
}

TEST_CASE("copies leave room for the present block, and none is of more than RFC 2198 can describe") {
    EarlierBlocks earlier;
    Buffer room(500);
    for (std::uint32_t n = 0; n < 4; ++n) earlier.keep(block(n, 200), time_of(n));
    CHECK(earlier.write({4}, time_of(4), 80, room) == 2 * 204 + 1);
    CHECK(earlier.write({4}, time_of(4), 92, room) == 204 + 1);
    CHECK(earlier.write({4}, time_of(4), 400, room) == 0);
    // The offset has 14 bits: what is older is no copy.
    CHECK(earlier.write({4}, time_of(3 + 17), 0, room) == 204 + 1);
    CHECK(earlier.write({4}, time_of(3 + 18), 0, room) == 0);
    earlier.keep(block(4, 1024), time_of(4));
    CHECK(earlier.write({4}, time_of(5), 0, room) == 0);
}

TEST_CASE("copies, bit rate and expected loss follow the network from the next packet on, each within its range") {
    test::SeededRandom random(1);
    SrtpKey<Sending> key;
    random.fill(key.fill());
    auto sender = std::move(
        *AudioSender::create(std::move(key), Ssrc{1}, true, {.audio_block_ms = 20, .audio_bitrate = 32000}, random));
    TraceLog traces(nullptr);
    Outbox outbox;
    const std::vector<std::int16_t> samples(960);
    PayloadType type{};
    const auto bytes_of_next = [&] {
        const SequenceNumber number = sender.stream.next_number();
        REQUIRE(sender.send({.samples = samples}, Instant{}, traces, outbox));
        const auto kept = sender.stream.history().find(number);
        REQUIRE(kept);
        type = kept->header.payload_type;
        return kept->payload.size();
    };
    CHECK(bytes_of_next() == 80);
    CHECK(type == opus_payload_type);
    sender.set_copies({2});
    CHECK(bytes_of_next() == 80 + 4 + 1 + 80);
    CHECK(type == redundant_payload_type);
    CHECK(bytes_of_next() == 2 * (80 + 4) + 1 + 80);
    sender.set_bitrate(16000);
    CHECK(bytes_of_next() == 2 * (80 + 4) + 1 + 40);
    sender.set_copies({99, 99});
    CHECK(sender.copies().count == AudioCopies::most);
    CHECK(sender.copies().spacing == 2);
    sender.set_copies({-1, 0});
    CHECK(sender.copies().spacing == 1);
    CHECK(bytes_of_next() == 40);
    CHECK(type == opus_payload_type);
    sender.set_bitrate(1);
    CHECK(sender.bitrate() == 8000);
    CHECK(bytes_of_next() == 20);
    sender.set_bitrate(1 << 30);
    CHECK(sender.bitrate() == 510000);
    for (const double loss : {-1.0, 0.0, 0.4, 7.0, std::nan("")}) sender.set_loss(loss);
    CHECK(bytes_of_next() > 700);
    sender.set_copies({4});
    CHECK(bytes_of_next() > 700);  // no room for copies
    CHECK(type == opus_payload_type);
}

TEST_CASE("of a block that leaves twice the first packet may have the nearest copy, and the second one the others") {
    test::SeededRandom random(1);
    SrtpKey<Sending> key;
    random.fill(key.fill());
    auto sender = std::move(
        *AudioSender::create(std::move(key), Ssrc{1}, true, {.audio_block_ms = 10, .audio_bitrate = 32000}, random));
    TraceLog traces(nullptr);
    Outbox outbox;
    std::vector<std::int16_t> samples(480);
    std::vector<Buffer> blocks;
    sender.set_copies({.count = 3, .times = 2, .shared = true});
    for (std::size_t n = 0; n < 8; ++n) {
        CAPTURE(n);
        for (std::int16_t& sample : samples) sample = static_cast<std::int16_t>(random.below(20000));
        const SequenceNumber number = sender.stream.next_number();
        REQUIRE(sender.send({.samples = samples}, Instant{}, traces, outbox));
        REQUIRE(sender.stream.next_number() == number + 2);
        const auto first = sender.stream.history().find(number), second = sender.stream.history().find(number + 1);
        REQUIRE(first);
        REQUIRE(second);
        CHECK(second->header.timestamp == first->header.timestamp);
        blocks.emplace_back(first->payload.last(40).begin(), first->payload.last(40).end());
        CHECK(std::ranges::equal(second->payload.last(40), blocks[n]));
        CHECK(first->payload.size() == (n < 1 ? 40U : 44 + 1 + 40));
        CHECK(second->payload.size() == (n < 2 ? 40U : n < 3 ? 44 + 1 + 40 : 2 * 44 + 1 + 40));
        if (n < 3) continue;
        const auto red = transport::parse_red(second->payload);
        REQUIRE(red);
        CHECK(std::ranges::equal(red->blocks()[0].bytes, blocks[n - 3]));
        CHECK(std::ranges::equal(red->blocks()[1].bytes, blocks[n - 2]));
        CHECK(red->blocks()[0].timestamp_offset == 3 * 480);
        CHECK(std::ranges::equal(transport::parse_red(first->payload)->blocks()[0].bytes, blocks[n - 1]));
    }
}

TEST_CASE("short blocks go in pairs where they are asked to, each with as many copies, and none is left behind") {
    test::SeededRandom random(1);
    for (const int block_ms : {10, 20}) {
        CAPTURE(block_ms);
        SrtpKey<Sending> key;
        random.fill(key.fill());
        auto sender = std::move(*AudioSender::create(std::move(key), Ssrc{1}, true,
                                                     {.audio_block_ms = block_ms, .audio_bitrate = 32000}, random));
        TraceLog traces(nullptr);
        Outbox outbox;
        const std::vector<std::int16_t> samples(static_cast<std::size_t>(block_ms) * 48);
        const auto bytes = static_cast<std::size_t>(block_ms) * 4;
        // Of the packet that the next block makes; none if it waits.
        const auto next = [&]() -> std::size_t {
            const SequenceNumber number = sender.stream.next_number();
            REQUIRE(sender.send({.samples = samples}, Instant{}, traces, outbox));
            if (sender.stream.next_number() == number) return 0;
            const auto kept = sender.stream.history().find(number);
            REQUIRE(kept);
            return kept->payload.size();
        };
        CHECK(next() == bytes);
        sender.set_pairs(true);
        CHECK(sender.pairs() == (block_ms == 10));
        if (block_ms == 20) {
            CHECK(next() == bytes);
            continue;
        }
        CHECK(next() == 0);
        CHECK(next() == bytes + 4 + 1 + bytes);
        CHECK(next() == 0);
        sender.set_copies({1});
        CHECK(next() == 3 * (bytes + 4) + 1 + bytes);
        sender.set_copies({4});
        CHECK(next() == 0);
        CHECK(next() == 6 * (bytes + 4) + 1 + bytes);  // there are no more yet
        CHECK(next() == 0);
        sender.set_pairs(false);
        sender.set_copies({0});
        CHECK(next() == bytes + 4 + 1 + bytes);
        CHECK(next() == bytes);
        CHECK(sender.stream.stats.frames_sent == 10);
    }
}

TEST_CASE(
    "long packets hold 40 or 60 ms from the stamp of the first block on, alone, and begin and end between packets") {
    test::SeededRandom random(1);
    for (const int block_ms : {10, 20}) {
        CAPTURE(block_ms);
        SrtpKey<Sending> key;
        random.fill(key.fill());
        auto sender = std::move(*AudioSender::create(std::move(key), Ssrc{1}, true,
                                                     {.audio_block_ms = block_ms, .audio_bitrate = 16000}, random));
        TraceLog traces(nullptr);
        Outbox outbox;
        const std::vector<std::int16_t> samples(static_cast<std::size_t>(block_ms) * 48);
        const std::size_t memory = sender.memory();
        struct Sent {
            PayloadType type{};
            RtpTimestamp timestamp{};
            std::size_t bytes = 0;
            std::int64_t frames = 0;  // by the codec's own header
            int packets = 0;
        };
        const auto next = [&]() -> Sent {
            const SequenceNumber number = sender.stream.next_number();
            REQUIRE(sender.send({.samples = samples}, Instant{}, traces, outbox));
            const auto kept = sender.stream.history().find(number);
            if (!kept) return {};
            const int packets = static_cast<std::uint16_t>(sender.stream.next_number().value - number.value);
            const bool plain = kept->header.payload_type == opus_payload_type;
            return {kept->header.payload_type, kept->header.timestamp, kept->payload.size(),
                    plain ? transport::parse_opus(kept->payload)->frames : 0, packets};
        };
        const RtpTimestamp first = next().timestamp;
        std::uint32_t blocks = 1;
        const auto stamp = [&] { return first.value + blocks * static_cast<std::uint32_t>(samples.size()); };
        CHECK(sender.memory() == memory);
        for (const int wrong : {-20, 20, 30, 41, 100, 120}) {
            sender.set_long(wrong);
            CHECK(!sender.is_long());
        }
        // Neither copies nor a second one go with it, whatever else holds.
        sender.set_copies({.count = 2, .times = 2});
        for (const int ms : {40, 60}) {
            CAPTURE(ms);
            sender.set_long(ms);
            CHECK(sender.is_long());
            CHECK(sender.packet_ms() == ms);
            CHECK(sender.packets_a_second() == 1000 / ms);
            const std::uint32_t from = stamp();
            for (int gathered = block_ms; gathered < ms; gathered += block_ms, ++blocks) CHECK(next().packets == 0);
            const Sent packet = next();
            ++blocks;
            CHECK(packet.packets == 1);
            CHECK(packet.type == opus_payload_type);
            CHECK(packet.timestamp.value == from);
            CHECK(packet.frames == ms * 48);
            CHECK(packet.bytes == static_cast<std::size_t>(ms) * 2);
        }
        CHECK(sender.memory() == memory + 60 * 48 * sizeof(std::int16_t));
        // What is begun is filled; then each block goes by itself, twice, without a copy of what was long.
        CHECK(next().packets == 0);
        ++blocks;
        sender.set_long(0);
        for (int gathered = 2 * block_ms; gathered < 60; gathered += block_ms, ++blocks) CHECK(next().packets == 0);
        CHECK(next().frames == 60 * 48);
        ++blocks;
        const Sent alone = next();
        CHECK(alone.timestamp.value == stamp());
        CHECK(alone.type == opus_payload_type);
        CHECK(alone.frames == block_ms * 48);
        CHECK(alone.packets == 2);
        CHECK(sender.stream.stats.frames_sent == blocks + 1);
    }
}

TEST_CASE("the first block of a pair leaves with the second before a long packet begins, and pairs leave once") {
    test::SeededRandom random(1);
    SrtpKey<Sending> key;
    random.fill(key.fill());
    auto sender = std::move(
        *AudioSender::create(std::move(key), Ssrc{1}, true, {.audio_block_ms = 10, .audio_bitrate = 32000}, random));
    TraceLog traces(nullptr);
    Outbox outbox;
    const std::vector<std::int16_t> samples(480);
    const auto packets_of_next = [&] {
        const SequenceNumber number = sender.stream.next_number();
        REQUIRE(sender.send({.samples = samples}, Instant{}, traces, outbox));
        return static_cast<std::uint16_t>(sender.stream.next_number().value - number.value);
    };
    sender.set_copies({.times = 2});
    CHECK(packets_of_next() == 2);
    sender.set_pairs(true);
    CHECK(packets_of_next() == 0);
    CHECK(packets_of_next() == 1);
    CHECK(packets_of_next() == 0);
    sender.set_pairs(false);
    sender.set_long(40);
    CHECK(packets_of_next() == 1);  // the pair
    for (int i = 0; i < 3; ++i) CHECK(packets_of_next() == 0);
    CHECK(packets_of_next() == 1);
    // Blocks of another length or number of channels do not mix.
    CHECK(packets_of_next() == 0);
    CHECK(sender.send({.samples = std::span(samples).first(240)}, Instant{}, traces, outbox).error() ==
          Error::unsupported_media);
    CHECK(sender.send({.samples = samples, .channels = 2}, Instant{}, traces, outbox).error() ==
          Error::unsupported_media);
}

TEST_CASE("a block leaves up to four times, each time as a packet of its own with the same bytes, a moment later") {
    test::SeededRandom random(1);
    SrtpKey<Sending> key;
    random.fill(key.fill());
    auto sender = std::move(
        *AudioSender::create(std::move(key), Ssrc{1}, true, {.audio_block_ms = 10, .audio_bitrate = 32000}, random));
    TraceLog traces(nullptr);
    const std::vector<std::int16_t> samples(480);
    for (const auto& [asked, times] :
         {std::pair(0, 1), std::pair(1, 1), std::pair(3, 3), std::pair(4, 4), std::pair(9, 4)}) {
        CAPTURE(asked);
        Outbox outbox;
        sender.set_copies({.times = asked});
        sender.set_loss(0.2);  // in-band FEC would have the next packet waited for
        const SequenceNumber first = sender.stream.next_number();
        REQUIRE(sender.send({.samples = samples}, Instant{1000s}, traces, outbox));
        REQUIRE(distance(first, sender.stream.next_number()) == times);
        const auto kept = sender.stream.history().find(first);
        REQUIRE(kept);
        CHECK(outbox.pop(true, Instant{1000s})->kind == Departure::Kind::audio);
        for (int i = 1; i < times; ++i) {
            const Duration after = i * 1250us;
            CHECK_FALSE(outbox.pop(true, Instant{1000s} + after - 1us));
            const auto departure = outbox.pop(true, Instant{1000s} + after);
            REQUIRE(departure);
            CHECK(distance(first, departure->sequence) == i);
            const auto again = sender.stream.history().find(departure->sequence);
            REQUIRE(again);
            CHECK(again->header.timestamp == kept->header.timestamp);
            CHECK(std::ranges::equal(again->payload, kept->payload));
        }
        CHECK_FALSE(outbox.pop(true, Instant{1001s}));
    }
}
