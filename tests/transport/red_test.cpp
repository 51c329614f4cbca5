#include "transport/red.h"

#include <doctest/doctest.h>

#include "support/random.h"

using namespace sotto;
using namespace sotto::transport;

namespace {

constexpr PayloadType opus{111};

Result<std::size_t> written(std::span<const RedBlock> blocks, std::size_t room = 4000) {
    Buffer out(room);
    return write_red(blocks, out);
}

}  // namespace

TEST_CASE("a redundant packet has the bytes of RFC 2198 section 3") {
    const std::array blocks{RedBlock{opus, 1920, as_bytes("old")}, RedBlock{opus, 960, as_bytes("er")},
                            RedBlock{opus, 0, as_bytes("now")}};
    Buffer out(100);
    const auto size = write_red(blocks, out);
    REQUIRE(size);
    out.resize(*size);
    // F and type, 14 bits of 1920 and 10 bits of 3; the same of 960 and 2; the primary's type.
    CHECK(out == to_buffer(as_bytes({"\xef\x1e\x00\x03\xef\x0f\x00\x02\x6fold"
                                     "ernow",
                                     17})));
}

TEST_CASE("blocks come back as they were written, from one to eight of them") {
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
        CAPTURE(seed);
        test::SeededRandom random(seed);
        std::vector<Buffer> contents(1 + random.below(max_red_blocks));
        std::vector<RedBlock> blocks;
        auto offset = max_red_offset;
        for (Buffer& bytes : contents) {
            bytes.resize(1 + random.below(max_red_block_size));
            random.fill(bytes);
            blocks.push_back({PayloadType{static_cast<std::uint8_t>(random.below(128))}, offset, bytes});
            offset -= static_cast<std::uint32_t>(1 + random.below(2000));
        }
        blocks.back().timestamp_offset = 0;
        Buffer out(10000);
        const auto size = write_red(blocks, out);
        REQUIRE(size);
        const auto parsed = parse_red(Bytes(out).first(*size));
        REQUIRE(parsed);
        REQUIRE(parsed->blocks().size() == blocks.size());
        for (std::size_t i = 0; i < blocks.size(); ++i) {
            CHECK(parsed->blocks()[i].type == blocks[i].type);
            CHECK(parsed->blocks()[i].timestamp_offset == blocks[i].timestamp_offset);
            CHECK(to_buffer(parsed->blocks()[i].bytes) == contents[i]);
        }
    }
}

TEST_CASE("what the format cannot say is not written") {
    const Buffer large(max_red_block_size + 1);
    const RedBlock primary{opus, 0, as_bytes("now")};
    CHECK(written({}).error() == Error::invalid_argument);
    CHECK(written(std::vector<RedBlock>(max_red_blocks + 1, primary)).error() == Error::invalid_argument);
    CHECK(written(std::array{RedBlock{opus, 0, as_bytes("x")}, primary}).error() == Error::invalid_argument);
    CHECK(written(std::array{RedBlock{opus, 1, as_bytes("x")}}).error() == Error::invalid_argument);
    CHECK(written(std::array{RedBlock{opus, 1, {}}, primary}).error() == Error::invalid_argument);
    CHECK(written(std::array{RedBlock{PayloadType{128}, 0, as_bytes("x")}}).error() == Error::invalid_argument);
    CHECK(written(std::array{RedBlock{opus, max_red_offset + 1, as_bytes("x")}, primary}).error() == Error::too_large);
    CHECK(written(std::array{RedBlock{opus, 1, large}, primary}).error() == Error::too_large);
    CHECK(written(std::array{primary}, 3).error() == Error::too_large);
    CHECK(written(std::array{RedBlock{opus, max_red_offset, Bytes(large).first(max_red_block_size)}, primary}));
    CHECK(written(std::array{RedBlock{opus, 0, large}}));
}

TEST_CASE("a redundant packet that is cut short, out of order, empty or too deep is refused") {
    const std::array blocks{RedBlock{opus, 960, as_bytes("old")}, RedBlock{opus, 0, as_bytes("now")}};
    Buffer out(11);
    REQUIRE(write_red(blocks, out) == 11);
    for (std::size_t size = 0; size < 8; ++size) {
        CAPTURE(size);
        CHECK(parse_red(Bytes(out).first(size)).error() == Error::truncated);
    }
    CHECK(parse_red(Bytes(out).first(8)).error() == Error::malformed);  // no primary
    CHECK(parse_red(Bytes(out).first(9)));
    const auto refused = [](std::string_view text) { return parse_red(as_bytes(text)).error(); };
    using namespace std::string_view_literals;
    CHECK(refused("\xef\x00\x00\x01\x6fxy"sv) == Error::malformed);                   // as old as the primary
    CHECK(refused("\xef\x00\x04\x01\xef\x00\x08\x01\x6fxyz"sv) == Error::malformed);  // newest first
    CHECK(refused("\xef\x00\x04\x00\x6fx"sv) == Error::malformed);                    // an empty block
    Buffer deep;
    for (std::size_t i = 0; i < max_red_blocks; ++i) {
        for (const std::size_t part : {std::size_t{0xef}, std::size_t{0}, 4 * (9 - i), std::size_t{1}}) {
            deep.push_back(static_cast<std::byte>(part));
        }
    }
    deep.resize(deep.size() + 20);
    CHECK(parse_red(deep).error() == Error::too_large);
}
