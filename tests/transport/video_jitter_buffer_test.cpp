#include "transport/video_jitter_buffer.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <deque>

#include "support/random.h"
#include "transport/vp8_payload.h"

using namespace sotto;
using namespace sotto::transport;
using namespace std::chrono_literals;

namespace {

// A stream of VP8-like frames: only the key-frame bit of the first byte matters here.
struct Stream {
    struct Packet {
        std::int64_t number;
        RtpTimestamp timestamp;
        bool marker;
        Buffer payload;
    };
    std::int64_t next = 65536 + 65000;  // soon over the wrap
    std::uint32_t timestamp = 0xffff0000;
    std::uint16_t picture = 0;

    std::vector<Packet> frame(bool key, std::size_t size) {
        Buffer bytes(size, std::byte{0xaa});
        bytes[0] = key ? std::byte{0x10} : std::byte{0x11};
        for (std::size_t i = 1; i < size; ++i) bytes[i] = static_cast<std::byte>(i + picture);
        frames.push_back(bytes);
        std::vector<Packet> packets;
        Vp8Packetizer packetizer(bytes, 1000, picture++);
        while (!packetizer.done()) {
            Buffer payload(1000);
            payload.resize(*packetizer.next(payload));
            packets.push_back({next++, RtpTimestamp{timestamp}, packetizer.done(), payload});
        }
        timestamp += 3000;
        return packets;
    }
    std::deque<Buffer> frames;
};

Result<void> insert(VideoJitterBuffer& buffer, const Stream::Packet& packet, Instant now) {
    const RtpPacket rtp{.header = {.marker = packet.marker, .timestamp = packet.timestamp}, .payload = packet.payload};
    return buffer.insert(rtp, packet.number, now);
}

const Instant start{10s};

}  // namespace

TEST_CASE("a frame is given the moment it is complete, whatever the order of its packets") {
    VideoJitterBuffer buffer({});
    Stream stream;
    auto packets = stream.frame(true, 5500);
    REQUIRE(packets.size() == 6);
    std::ranges::reverse(packets);
    for (std::size_t i = 0; i < packets.size(); ++i) {
        CHECK_FALSE(buffer.next(start));
        REQUIRE(insert(buffer, packets[i], start + std::chrono::milliseconds(i)));
    }
    const auto frame = buffer.next(start + 5ms);
    REQUIRE(frame);
    CHECK(frame->key);
    CHECK(to_buffer(frame->bytes) == stream.frames[0]);
    CHECK_FALSE(buffer.next(start + 5ms));
}

TEST_CASE("frames come in order, unchanged, from a network that shuffles and duplicates") {
    test::SeededRandom random(6);
    VideoJitterBuffer buffer({});
    Stream stream;
    std::deque<Stream::Packet> held;
    std::size_t given = 0;
    const auto take = [&] {
        while (const auto frame = buffer.next(start)) {
            CHECK(to_buffer(frame->bytes) == stream.frames[given]);
            ++given;
        }
    };
    for (int i = 0; i < 500; ++i) {
        for (auto& packet : stream.frame(i == 0, 1 + random.below(6000))) held.push_back(packet);
        while (held.size() > 12) {
            const std::size_t pick = random.below(12);
            REQUIRE(insert(buffer, held[pick], start));
            if (random.chance(0.2)) CHECK_FALSE(insert(buffer, held[pick], start));
            held.erase(held.begin() + static_cast<std::ptrdiff_t>(pick));
            take();
        }
    }
    for (const auto& packet : held) REQUIRE(insert(buffer, packet, start));
    take();
    CHECK(given == 500);
    CHECK(buffer.frames_skipped() == 0);
}

TEST_CASE("a stream is joined at a key frame, not before") {
    VideoJitterBuffer buffer({});
    Stream stream;
    for (const auto& packet : stream.frame(false, 900)) REQUIRE(insert(buffer, packet, start));
    CHECK_FALSE(buffer.next(start));
    CHECK(buffer.key_frame_wanted() <= start);
    const auto key = stream.frame(true, 2500);
    REQUIRE(insert(buffer, key[0], start));
    CHECK_MESSAGE(buffer.key_frame_wanted() > start, "one is on its way");
    REQUIRE(insert(buffer, key[1], start));
    REQUIRE(insert(buffer, key[2], start));
    const auto frame = buffer.next(start);
    REQUIRE(frame);
    CHECK(frame->key);
    CHECK(buffer.key_frame_wanted() == never);
}

TEST_CASE("a gap holds up later frames until it is filled") {
    VideoJitterBuffer buffer({});
    Stream stream;
    for (const auto& packet : stream.frame(true, 900)) REQUIRE(insert(buffer, packet, start));
    REQUIRE(buffer.next(start));
    const auto lost = stream.frame(false, 900);
    for (const auto& packet : stream.frame(false, 900)) REQUIRE(insert(buffer, packet, start));
    CHECK_FALSE(buffer.next(start + 300ms));
    CHECK(buffer.deadline() == start + 400ms);
    REQUIRE(insert(buffer, lost[0], start + 301ms));
    CHECK(buffer.next(start + 301ms));
    CHECK(buffer.next(start + 301ms));
}

TEST_CASE("a gap given up skips to the next key frame and says that one is wanted") {
    VideoJitterBuffer buffer({});
    Stream stream;
    for (const auto& packet : stream.frame(true, 900)) REQUIRE(insert(buffer, packet, start));
    REQUIRE(buffer.next(start));
    const auto lost = stream.frame(false, 900);
    for (const auto& packet : stream.frame(false, 900)) REQUIRE(insert(buffer, packet, start));
    CHECK_FALSE(buffer.next(start + 399ms));
    CHECK(buffer.key_frame_wanted() == never);
    CHECK_FALSE(buffer.next(start + 400ms));
    CHECK(buffer.key_frame_wanted() <= start + 400ms);
    for (const auto& packet : stream.frame(true, 900)) REQUIRE(insert(buffer, packet, start + 450ms));
    const auto frame = buffer.next(start + 450ms);
    REQUIRE(frame);
    CHECK(frame->key);
    CHECK(buffer.frames_skipped() >= 1);
    CHECK(insert(buffer, lost[0], start + 460ms).error() == Error::too_late);
}

TEST_CASE("a decoder's refusal restarts at a key frame") {
    VideoJitterBuffer buffer({});
    Stream stream;
    for (const auto& packet : stream.frame(true, 900)) REQUIRE(insert(buffer, packet, start));
    REQUIRE(buffer.next(start));
    buffer.require_key_frame();
    for (const auto& packet : stream.frame(false, 900)) REQUIRE(insert(buffer, packet, start));
    CHECK_FALSE(buffer.next(start));
    CHECK(buffer.key_frame_wanted() <= start);
}

TEST_CASE("a frame larger than the buffer allows is skipped and counted") {
    VideoJitterBuffer buffer({.max_frame = 4000});
    Stream stream;
    for (const auto& packet : stream.frame(true, 5000)) REQUIRE(insert(buffer, packet, start));
    CHECK_FALSE(buffer.next(start));
    CHECK(buffer.frames_skipped() == 1);
    for (const auto& packet : stream.frame(true, 3000)) REQUIRE(insert(buffer, packet, start));
    CHECK(buffer.next(start));
}

TEST_CASE("a peer that lies about time stamps, markers, starts and numbers stays within bounds") {
    test::SeededRandom random(7);
    VideoJitterBuffer buffer({});
    std::int64_t number = 1 << 20;
    for (int i = 0; i < 100000; ++i) {
        Buffer payload(random.below(60));
        random.fill(payload);
        if (!payload.empty() && random.chance(0.5)) payload[0] = std::byte{0x10};
        const RtpPacket rtp{.header = {.marker = random.chance(0.5),
                                       .timestamp = RtpTimestamp{static_cast<std::uint32_t>(random.below(3))}},
                            .payload = payload};
        number += random.chance(0.01) ? static_cast<std::int64_t>(random.below(60000)) - 30000
                                      : static_cast<std::int64_t>(random.below(4)) - 1;
        number = std::max<std::int64_t>(number, 0);
        static_cast<void>(buffer.insert(rtp, number, start + std::chrono::milliseconds(i)));
        while (const auto frame = buffer.next(start + std::chrono::milliseconds(i))) {
            CHECK(frame->bytes.size() <= 80 * 1024);
            CHECK_FALSE(frame->bytes.empty());
        }
    }
}
