#include "transport/rtp.h"

#include <doctest/doctest.h>

#include "base/byte_writer.h"
#include "sotto/identity.h"
#include "support/mutate.h"

using namespace sotto;
using namespace sotto::transport;

namespace {

// V=2, P, X, CC=2, M, PT=96; two CSRCs, an extension of one word, four bytes of payload and four of padding.
const Buffer full = *from_hex("b2e01234deadbeefcafebabe0000000100000002bede0001110000000a0b0c0d00000004");

}  // namespace

TEST_CASE("an RTP header survives writing and parsing") {
    const RtpHeader header{.marker = true,
                           .payload_type = PayloadType{111},
                           .sequence = SequenceNumber{65535},
                           .timestamp = RtpTimestamp{0xfffffff0},
                           .ssrc = Ssrc{0x01020304}};
    std::array<std::byte, 14> packet{};
    REQUIRE(write_rtp_header(header, packet) == rtp_header_size);
    const auto parsed = parse_rtp(packet);
    REQUIRE(parsed);
    CHECK(parsed->header.marker);
    CHECK(parsed->header.payload_type.value == 111);
    CHECK(parsed->header.sequence.value == 65535);
    CHECK(parsed->header.timestamp.value == 0xfffffff0);
    CHECK(parsed->header.ssrc.value == 0x01020304);
    CHECK(parsed->payload.size() == 2);
    CHECK(write_rtp_header(header, std::span(packet).first(11)).error() == Error::too_large);
}

TEST_CASE("CSRCs, extension and padding are found and cut off") {
    const auto parsed = parse_rtp(full);
    REQUIRE(parsed);
    CHECK(parsed->header_size == 28);
    CHECK(parsed->extension_profile == 0xbede);
    CHECK(to_hex(parsed->extension) == "11000000");
    CHECK(to_hex(parsed->payload) == "0a0b0c0d");
}

TEST_CASE("a header cut short is truncated at every length") {
    for (std::size_t size = 0; size < 28; ++size) {
        CHECK(parse_rtp(Bytes(full).first(size)).error() == Error::truncated);
    }
}

TEST_CASE("impossible padding and versions are refused") {
    Buffer packet = full;
    packet.back() = std::byte{9};
    CHECK(parse_rtp(packet).error() == Error::malformed);
    packet.back() = std::byte{0};
    CHECK(parse_rtp(packet).error() == Error::malformed);
    packet = full;
    packet[0] = std::byte{0x72};
    CHECK(parse_rtp(packet).error() == Error::unsupported_version);
}

TEST_CASE("an encrypted packet's header is refused as parsing it would, but for its padding") {
    for (int first = 0; first < 256; ++first) {
        std::array<std::byte, 40> bytes{static_cast<std::byte>(first)};
        bytes[15] = std::byte{3};  // words of extension where it follows no CSRC
        for (std::size_t size = 0; size <= bytes.size(); ++size) {
            const auto parsed = parse_rtp(Bytes(bytes).first(size));
            const auto checked = check_rtp_header(Bytes(bytes).first(size));
            const bool passes = parsed || parsed.error() == Error::malformed;
            REQUIRE(checked.has_value() == passes);
            if (!passes) REQUIRE(checked.error() == parsed.error());
        }
    }
}

TEST_CASE("mutated packets never point outside themselves") {
    test::SeededRandom random(1);
    for (int i = 0; i < 20000; ++i) {
        const Buffer packet = test::flipped(Bytes(full).first(random.below(full.size() + 1)), random);
        const auto parsed = parse_rtp(packet);
        if (!parsed) continue;
        CHECK(parsed->header_size + parsed->payload.size() <= packet.size());
        CHECK(parsed->extension.size() < parsed->header_size);
    }
}

TEST_CASE("RTCP is told from RTP by the packet type") {
    const auto type = [](int second) { return Buffer{std::byte{0x80}, static_cast<std::byte>(second)}; };
    CHECK(is_rtcp(type(200)));
    CHECK(is_rtcp(type(206)));
    CHECK_FALSE(is_rtcp(type(96)));
    CHECK_FALSE(is_rtcp(type(0x80 | 111)));
    CHECK_FALSE(is_rtcp(Buffer{std::byte{0x80}}));
}
