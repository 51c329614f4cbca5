#include <doctest/doctest.h>

#include <algorithm>

#include "sotto/identity.h"
#include "support/mutate.h"
#include "transport/opus_payload.h"
#include "transport/vp8_payload.h"

using namespace sotto;
using namespace sotto::transport;

TEST_CASE("a VP8 descriptor with every field is read") {
    // RFC 7741 §4.2: X N S PID=3; I L T K; 15-bit picture id; TL0PICIDX; TID=2 Y KEYIDX=17; then data.
    const Buffer bytes = *from_hex("b3f0812345b1ff");
    const auto parsed = parse_vp8(bytes);
    REQUIRE(parsed);
    CHECK(parsed->descriptor.non_reference);
    CHECK(parsed->descriptor.start_of_partition);
    CHECK(parsed->descriptor.partition == 3);
    CHECK(parsed->descriptor.picture_id == 0x123);
    CHECK(parsed->descriptor.tl0_pic_idx == 0x45);
    CHECK(parsed->descriptor.temporal_layer == 2);
    CHECK(parsed->descriptor.layer_sync);
    CHECK(parsed->descriptor.key_index == 17);
    CHECK(to_hex(parsed->data) == "ff");
    CHECK_FALSE(parsed->descriptor.starts_frame());
}

TEST_CASE("a VP8 payload cut short is truncated at every length, and one without data too") {
    const Buffer bytes = *from_hex("b3f0812345b1");
    for (std::size_t size = 0; size <= bytes.size(); ++size) {
        CHECK(parse_vp8(Bytes(bytes).first(size)).error() == Error::truncated);
    }
    CHECK(parse_vp8(*from_hex("0f00")).error() == Error::malformed);
}

TEST_CASE("a frame cut into packets comes together again, whatever its size") {
    test::SeededRandom random(4);
    for (int i = 0; i < 300; ++i) {
        Buffer frame(1 + random.below(20000));
        random.fill(frame);
        const std::size_t room = 5 + random.below(1200);
        Vp8Packetizer packetizer(frame, room, 0x7fff);
        const std::size_t announced = packetizer.packets_left();
        Buffer joined;
        std::size_t packets = 0;
        while (!packetizer.done()) {
            std::array<std::byte, 1210> payload;
            const auto size = packetizer.next(payload);
            REQUIRE(size);
            CHECK(*size <= room);
            const auto parsed = parse_vp8(std::span(payload).first(*size));
            REQUIRE(parsed);
            CHECK(parsed->descriptor.starts_frame() == (packets == 0));
            CHECK(parsed->descriptor.picture_id == 0x7fff);
            joined.insert(joined.end(), parsed->data.begin(), parsed->data.end());
            ++packets;
        }
        CHECK(packets == announced);
        CHECK(joined == frame);
        std::array<std::byte, 8> nothing_left;
        CHECK(packetizer.next(nothing_left).error() == Error::wrong_state);
    }
}

TEST_CASE("a frame's place among the others is in every one of its packets") {
    const Buffer bytes(2500, std::byte{0x55});
    struct Case {
        EncodedFrame frame;
        std::string_view first, later;  // RFC 7741 §4.2, by hand
    };
    const Case cases[] = {
        {{.bytes = bytes}, "9080f234", "8080f234"},
        {{.bytes = bytes, .key_index = std::uint8_t{31}}, "9090f2341f", "8090f2341f"},
        {{.bytes = bytes, .temporal_layer = std::uint8_t{0}, .tl0_pic_idx = 200}, "90e0f234c800", "80e0f234c800"},
        {{.bytes = bytes, .temporal_layer = std::uint8_t{0}, .tl0_pic_idx = 200, .key_index = std::uint8_t{5}},
         "90f0f234c805",
         "80f0f234c805"},
        {{.bytes = bytes,
          .non_reference = true,
          .temporal_layer = std::uint8_t{2},
          .layer_sync = true,
          .tl0_pic_idx = 7},
         "b0e0f23407a0",
         "a0e0f23407a0"},
    };
    for (const Case& c : cases) {
        CAPTURE(c.first);
        Vp8Packetizer packetizer(c.frame, 1000, 0x7234);
        std::array<std::byte, 1000> room;
        for (bool first = true; !packetizer.done(); first = false) {
            const auto size = packetizer.next(room);
            REQUIRE(size);
            const std::string_view expected = first ? c.first : c.later;
            CHECK(to_hex(std::span(room).first(expected.size() / 2)) == expected);
            const auto parsed = parse_vp8(std::span(room).first(*size));
            REQUIRE(parsed);
            CHECK(parsed->descriptor.non_reference == c.frame.non_reference);
            CHECK(parsed->descriptor.temporal_layer == c.frame.temporal_layer);
            CHECK(parsed->descriptor.layer_sync == c.frame.layer_sync);
            CHECK(parsed->descriptor.key_index == c.frame.key_index);
            CHECK(std::ranges::all_of(parsed->data, [](std::byte byte) { return byte == std::byte{0x55}; }));
        }
    }
}

TEST_CASE("the largest frame fits the most packets, in layers and beside repair") {
    const Buffer bytes(max_frame_size);
    const EncodedFrame frame{.bytes = bytes, .temporal_layer = std::uint8_t{0}, .key_index = std::uint8_t{1}};
    CHECK(Vp8Packetizer(frame, max_media_payload, 0).packets_left() == max_frame_packets);
}

TEST_CASE("a packetizer refuses a buffer that is too short and goes on with a longer one") {
    const Buffer frame(3000);
    Vp8Packetizer packetizer(frame, 1000, 1);
    std::array<std::byte, 1000> room;
    CHECK(packetizer.next(std::span(room).first(100)).error() == Error::too_large);
    CHECK(packetizer.next(room));
}

TEST_CASE("an Opus packet's length in samples is read from its TOC") {
    // RFC 6716 §3.1 and §3.2: configuration << 3 | stereo << 2 | code.
    CHECK(parse_opus(*from_hex("08aa"))->frames == 960);             // SILK 20 ms
    CHECK(parse_opus(*from_hex("00aa"))->frames == 480);             // SILK 10 ms
    CHECK(parse_opus(*from_hex("18aa"))->frames == 2880);            // SILK 60 ms
    CHECK(parse_opus(*from_hex("78aa"))->frames == 960);             // hybrid 20 ms
    CHECK(parse_opus(*from_hex("e0aa"))->frames == 120);             // CELT 2.5 ms
    CHECK(parse_opus(*from_hex("f9aabb"))->frames == 1920);          // CELT 20 ms, two equal frames
    CHECK(parse_opus(*from_hex("fa01aabb"))->frames == 1920);        // two frames, own sizes
    CHECK(parse_opus(*from_hex("fb03aabbcc"))->frames == 2880);      // three frames, equal
    CHECK(parse_opus(*from_hex("fb830101aabbcc"))->frames == 2880);  // three frames: one byte, one byte, the rest
    CHECK(parse_opus(*from_hex("0caa"))->stereo);
    CHECK(parse_opus(*from_hex("08"))->frames == 960);  // an empty frame is a lost one (DTX)
}

TEST_CASE("Opus packets that contradict themselves are refused") {
    CHECK(parse_opus({}).error() == Error::truncated);
    CHECK(parse_opus(*from_hex("f9aabbcc")).error() == Error::malformed);  // two equal frames of odd length
    CHECK(parse_opus(*from_hex("fa05aa")).error() == Error::malformed);    // first frame longer than the packet
    CHECK(parse_opus(*from_hex("fa")).error() == Error::malformed);
    CHECK(parse_opus(*from_hex("fb")).error() == Error::malformed);
    CHECK(parse_opus(*from_hex("fb00aa")).error() == Error::malformed);              // no frames
    CHECK(parse_opus(*from_hex("fb4205aa")).error() == Error::malformed);            // more padding than packet
    CHECK(parse_opus(*from_hex("fb07aabbccddeeff00")).error() == Error::too_large);  // 140 ms
    Buffer huge(1 + 1276);
    huge[0] = std::byte{0x08};
    CHECK(parse_opus(huge).error() == Error::malformed);
}

TEST_CASE("random payloads never crash a parser") {
    test::SeededRandom random(5);
    for (int i = 0; i < 50000; ++i) {
        Buffer bytes(random.below(40));
        random.fill(bytes);
        const auto vp8 = parse_vp8(bytes);
        if (vp8) CHECK_FALSE(vp8->data.empty());
        const auto opus = parse_opus(bytes);
        if (opus) CHECK(opus->frames <= 5760);
    }
}
