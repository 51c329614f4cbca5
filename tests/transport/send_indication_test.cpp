#include "transport/send_indication.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "sotto/identity.h"

using namespace sotto;
using namespace sotto::transport;

namespace {

template <std::size_t N>
std::array<std::byte, N> bytes_of(std::string_view hex) {
    std::array<std::byte, N> bytes{};
    const auto read = from_hex(hex).value();
    REQUIRE(read.size() <= N);
    std::ranges::copy(read, bytes.begin());
    return bytes;
}

// RFC 5769 §2.2 and §2.3 cover these addresses with this transaction.
StunTransaction transaction() { return bytes_of<12>("b7e7a701bc34d686fa87dfae"); }

std::string written(const IpAddress& peer, std::string_view datagram) {
    std::array<std::byte, 64 + send_indication_overhead> room;
    const auto size = write_send_indication(peer, 32853, as_bytes(datagram), transaction(), room);
    REQUIRE(size);
    CHECK(*size <= datagram.size() + send_indication_overhead);
    return to_hex(Bytes(room).first(*size));
}

}  // namespace

TEST_CASE("a send indication has the peer's address covered as RFC 5769 does and the datagram padded") {
    const IpAddress v4{.v6 = false, .bytes = bytes_of<16>("c0000201")};
    CHECK(written(v4, "hello") ==
          "001600182112a442b7e7a701bc34d686fa87dfae"
          "001200080001a147e112a643"
          "0013000568656c6c6f000000");
    const IpAddress v6{.v6 = true, .bytes = bytes_of<16>("20010db8123456780011223344556677")};
    CHECK(written(v6, "four") ==
          "001600202112a442b7e7a701bc34d686fa87dfae"
          "001200140002a1470113a9faa5d3f179bc25f4b5bed2b9d9"
          "00130004666f7572");
}

TEST_CASE("a send indication that finds no room is refused") {
    const std::vector<std::byte> datagram(100);
    std::vector<std::byte> room(20 + 12 + 4 + 100);
    CHECK(write_send_indication({}, 1, datagram, transaction(), room));
    CHECK(write_send_indication({}, 1, datagram, transaction(), std::span(room).first(room.size() - 1)).error() ==
          Error::too_large);
    const std::vector<std::byte> huge(0x10000);
    std::vector<std::byte> hall(huge.size() + send_indication_overhead);
    CHECK(write_send_indication({}, 1, huge, transaction(), hall).error() == Error::too_large);
}
