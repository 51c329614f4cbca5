#include "transport/rtx.h"

#include <doctest/doctest.h>

#include <array>

using namespace sotto;
using namespace sotto::transport;

TEST_CASE("a retransmission is the original sequence number, then the original payload") {
    std::array<std::byte, 6> room{};
    const auto size = write_rtx(SequenceNumber{0xfffe}, as_bytes("vp8!"), room);
    REQUIRE(size == 6);
    CHECK(to_buffer(room) == to_buffer(as_bytes("\xff\xfevp8!")));
    const auto parsed = parse_rtx(room);
    REQUIRE(parsed);
    CHECK(parsed->original == SequenceNumber{0xfffe});
    CHECK(to_buffer(parsed->payload) == to_buffer(as_bytes("vp8!")));
}

TEST_CASE("a retransmission without room, or without a whole sequence number, is refused") {
    std::array<std::byte, 5> room{};
    CHECK(write_rtx(SequenceNumber{1}, as_bytes("vp8!"), room).error() == Error::too_large);
    CHECK(parse_rtx(Bytes(room).first(1)).error() == Error::truncated);
    CHECK(parse_rtx(Bytes(room).first(2))->payload.empty());
}
