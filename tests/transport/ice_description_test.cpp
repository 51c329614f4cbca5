#include "transport/ice_description.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "support/random.h"

using namespace sotto;
using namespace sotto::transport;

namespace {

IpAddress v4(int a, int b, int c, int d) {
    IpAddress address;
    std::ranges::transform(std::array{a, b, c, d}, address.bytes.begin(), [](int n) { return std::byte(n); });
    return address;
}

IpAddress v6(int last) {
    IpAddress address{.v6 = true, .bytes = {std::byte{0x20}, std::byte{0x01}, std::byte{0x0d}, std::byte{0xb8}}};
    address.bytes.back() = std::byte(last);
    return address;
}

IceDescription example() {
    IceDescription description{.generation = 0x0102};
    std::ranges::copy(std::string_view("AZaz09+/"), description.fragment.begin());
    std::ranges::copy(std::string_view("abcdefghijklmnopqrstuvwx"), description.password.begin());
    description.room[0] = {CandidateType::relayed, 0x01020304, v4(192, 0, 2, 1), 4000};
    description.room[1] = {CandidateType::host, 0x7fffffff, v6(9), 1};
    description.count = 2;
    return description;
}

Result<Buffer> written(const IceDescription& description, std::size_t room = 300) {
    Buffer out(room);
    const auto size = write_ice_description(description, out);
    if (!size) return Failure(size.error());
    out.resize(*size);
    return out;
}

// How the bytes are refused after one of them was changed.
Error refusal(Buffer bytes, std::size_t at, int value) {
    bytes[at] = std::byte(value);
    const auto parsed = parse_ice_description(bytes);
    REQUIRE_FALSE(parsed);
    return parsed.error();
}

constexpr std::size_t head = 1 + 2 + 8 + 24;  // up to the number of candidates
constexpr std::size_t first = head + 1;       // the first candidate, of 11 bytes

}  // namespace

TEST_CASE("an ICE description has the bytes that docs/protocol.md names") {
    const auto bytes = written(example());
    REQUIRE(bytes);
    CHECK(*bytes == to_buffer(as_bytes({"\x01\x01\x02"
                                        "AZaz09+/"
                                        "abcdefghijklmnopqrstuvwx"
                                        "\x02"
                                        "\x34\x01\x02\x03\x04\xc0\x00\x02\x01\x0f\xa0"
                                        "\x16\x7f\xff\xff\xff"
                                        "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x09\x00\x01",
                                        head + 1 + 11 + 23})));
}

TEST_CASE("an ICE description comes back as it was written, with every number of candidates") {
    for (std::size_t count = 0; count <= max_ice_candidates; ++count) {
        CAPTURE(count);
        IceDescription description = example();
        description.count = count;
        for (std::size_t i = 0; i < count; ++i) {
            const auto type = static_cast<CandidateType>(1 + i % 3);
            description.room[i] = {type, static_cast<std::uint32_t>(1 + i), v4(10, 0, 0, static_cast<int>(i)),
                                   static_cast<std::uint16_t>(1000 + i)};
        }
        for (std::size_t i = count; i < max_ice_candidates; ++i) description.room[i] = {};
        const auto bytes = written(description);
        REQUIRE(bytes);
        CHECK(bytes->size() <= max_ice_description);
        const auto parsed = parse_ice_description(*bytes);
        REQUIRE(parsed);
        CHECK(*parsed == description);
    }
}

TEST_CASE("no ICE description is larger than a route may be") {
    IceDescription description = example();
    const auto with_v6 = [&](std::size_t count) {
        description.count = count;
        std::ranges::fill_n(description.room.begin(), static_cast<std::ptrdiff_t>(count),
                            IceCandidate{CandidateType::host, 1, v6(1), 1});
        return written(description);
    };
    CHECK(with_v6(7)->size() == first + 7 * 23);
    CHECK(with_v6(8).error() == Error::too_large);
    CHECK(written(example(), first + 11 + 22).error() == Error::too_large);
}

TEST_CASE("what cuts an ICE description short is told from what follows it") {
    const auto bytes = written(example());
    for (std::size_t size = 0; size < bytes->size(); ++size) {
        CAPTURE(size);
        const auto parsed = parse_ice_description(Bytes(*bytes).first(size));
        REQUIRE_FALSE(parsed);
        CHECK(parsed.error() == Error::truncated);
    }
    Buffer longer = *bytes;
    longer.push_back(std::byte{0});
    CHECK(parse_ice_description(longer).error() == Error::malformed);
}

TEST_CASE("an ICE description with a value that no sender writes is refused") {
    const Buffer bytes = *written(example());
    CHECK(refusal(bytes, 0, 2) == Error::unsupported_version);
    CHECK(refusal(bytes, 3, ' ') == Error::malformed);          // in the fragment
    CHECK(refusal(bytes, head - 1, '\n') == Error::malformed);  // in the password
    CHECK(refusal(bytes, head, max_ice_candidates + 1) == Error::too_large);
    CHECK(refusal(bytes, first, 0x04) == Error::malformed);       // type 0
    CHECK(refusal(bytes, first, 0x44) == Error::malformed);       // type 4
    CHECK(refusal(bytes, first, 0x35) == Error::malformed);       // family 5
    CHECK(refusal(bytes, first + 1, 0x80) == Error::malformed);   // priority 2^31
    CHECK(refusal(bytes, first + 5, 0) == Error::malformed);      // 0.0.2.1
    CHECK(refusal(bytes, first + 5, 0xe0) == Error::malformed);   // multicast
    CHECK(refusal(bytes, first + 16, 0xff) == Error::malformed);  // multicast, IPv6
    Buffer changed = bytes;
    std::fill_n(changed.begin() + first + 1, 4, std::byte{0});  // priority 0
    CHECK(parse_ice_description(changed).error() == Error::malformed);
    changed = bytes;
    std::fill_n(changed.begin() + first + 9, 2, std::byte{0});  // port 0
    CHECK(parse_ice_description(changed).error() == Error::malformed);
    changed = bytes;
    std::fill_n(changed.begin() + first + 16, 16, std::byte{0});  // ::
    CHECK(parse_ice_description(changed).error() == Error::malformed);
}

TEST_CASE("an ICE description that would be refused is not written") {
    const auto refused = [](auto change) {
        IceDescription description = example();
        change(description);
        const auto bytes = written(description);
        REQUIRE_FALSE(bytes);
        return bytes.error() == Error::invalid_argument;
    };
    CHECK(refused([](IceDescription& d) { d.fragment[0] = 0; }));
    CHECK(refused([](IceDescription& d) { d.password[23] = '='; }));
    CHECK(refused([](IceDescription& d) { d.count = max_ice_candidates + 1; }));
    CHECK(refused([](IceDescription& d) { d.room[0].port = 0; }));
    CHECK(refused([](IceDescription& d) { d.room[0].priority = 0; }));
    CHECK(refused([](IceDescription& d) { d.room[0].type = CandidateType{0}; }));
    CHECK(refused([](IceDescription& d) { d.room[0].address = {}; }));
}
