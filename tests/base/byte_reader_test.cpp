#include "base/byte_reader.h"

#include <doctest/doctest.h>

#include "base/byte_writer.h"
#include "base/strong_integer.h"
#include "sotto/identity.h"

using namespace sotto;

TEST_CASE("what is written is read back in network order") {
    std::array<std::byte, 15> room;
    ByteWriter out(room);
    out.u8(1).u16(0x0203).u32(0x04050607).u64(0x08090a0b0c0d0e0f);
    REQUIRE(out.ok());
    CHECK(to_hex(out.written()) == "0102030405060708090a0b0c0d0e0f");
    ByteReader in(room);
    CHECK(*in.u8() == 1);
    CHECK(*in.u16() == 0x0203);
    CHECK(*in.u32() == 0x04050607);
    CHECK(*in.u64() == 0x08090a0b0c0d0e0f);
    CHECK(in.empty());
}

TEST_CASE("reading past the end is refused and takes nothing") {
    const std::array<std::byte, 3> bytes{};
    ByteReader in(bytes);
    CHECK(in.u32().error() == Error::truncated);
    CHECK(in.remaining() == 3);
    CHECK(in.take(4).error() == Error::truncated);
    CHECK(in.take(3)->size() == 3);
}

TEST_CASE("writing past the end is remembered and writes nothing") {
    std::array<std::byte, 3> room{};
    ByteWriter out(room);
    out.u32(0xffffffff);
    CHECK_FALSE(out.ok());
    CHECK(out.size() == 0);
    CHECK(room[0] == std::byte{0});
}

TEST_CASE("serial numbers compare on the shorter way round") {
    CHECK(distance(SequenceNumber{65535}, SequenceNumber{0}) == 1);
    CHECK(distance(SequenceNumber{0}, SequenceNumber{65535}) == -1);
    CHECK(is_newer(SequenceNumber{5}, SequenceNumber{65530}));
    CHECK_FALSE(is_newer(SequenceNumber{65530}, SequenceNumber{5}));
    CHECK(distance(RtpTimestamp{0xfffffff0}, RtpTimestamp{0x10}) == 0x20);
}

TEST_CASE("hexadecimal round trips and refuses what is none") {
    const auto bytes = from_hex("00ffA5");
    REQUIRE(bytes);
    CHECK(to_hex(*bytes) == "00ffa5");
    CHECK(from_hex("0").error() == Error::malformed);
    CHECK(from_hex("0g").error() == Error::malformed);
}

TEST_CASE("every error has a name and a sentence of its own") {
    for (std::size_t i = 0; i < error_count; ++i) {
        CHECK_FALSE(name(static_cast<Error>(i)).empty());
        CHECK(describe(static_cast<Error>(i)).size() > 10);
        for (std::size_t j = 0; j < i; ++j) CHECK(name(static_cast<Error>(i)) != name(static_cast<Error>(j)));
    }
}
