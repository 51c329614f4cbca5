#include "transport/gf256.h"

#include <doctest/doctest.h>

#include <array>

#include "support/random.h"

using namespace sotto;
using namespace sotto::transport;

namespace {

// Long multiplication and long division of polynomials over bits.
std::uint8_t slow_product(unsigned a, unsigned b) {
    unsigned product = 0;
    for (unsigned bit = 0; bit < 8; ++bit) {
        if ((b >> bit & 1) != 0) product ^= a << bit;
    }
    for (unsigned bit = 15; bit >= 8; --bit) {
        if ((product >> bit & 1) != 0) product ^= 0x11dU << (bit - 8);
    }
    return static_cast<std::uint8_t>(product);
}

std::uint8_t element(std::size_t value) { return static_cast<std::uint8_t>(value); }

}  // namespace

TEST_CASE("every product is what long multiplication gives") {
    int wrong = 0;
    for (std::size_t a = 0; a < 256; ++a) {
        for (std::size_t b = 0; b < 256; ++b) {
            if (gf256::multiply(element(a), element(b)) != slow_product(element(a), element(b))) ++wrong;
        }
    }
    CHECK(wrong == 0);
    CHECK(gf256::multiply(0x80, 2) == 0x1d);
}

TEST_CASE("the field's axioms hold") {
    int wrong = 0;
    for (std::size_t a = 0; a < 256; ++a) {
        if (gf256::multiply(element(a), 1) != a) ++wrong;
        if (a != 0 && gf256::multiply(element(a), gf256::inverse(element(a))) != 1) ++wrong;
        for (std::size_t b = 0; b < 256; ++b) {
            const std::uint8_t ab = gf256::multiply(element(a), element(b));
            if (ab != gf256::multiply(element(b), element(a))) ++wrong;
            for (std::size_t c = 0; c < 256; c += 17) {
                const std::uint8_t ac = gf256::multiply(element(a), element(c));
                if (gf256::multiply(ab, element(c)) != gf256::multiply(ac, element(b))) ++wrong;
                if (gf256::multiply(element(a), element(b ^ c)) != (ab ^ ac)) ++wrong;
            }
        }
    }
    CHECK(wrong == 0);
}

TEST_CASE("many bytes at once are multiplied and added as each by itself, whatever their number") {
    for (std::uint64_t seed = 0; seed < 600; ++seed) {
        CAPTURE(seed);
        test::SeededRandom random(seed);
        const std::uint8_t factor = element(seed);
        Buffer from(random.below(150)), to(from.size() + random.below(3));
        random.fill(from);
        random.fill(to);
        Buffer expected = to, scaled = from;
        for (std::size_t i = 0; i < from.size(); ++i) {
            expected[i] ^= std::byte{slow_product(std::to_integer<unsigned>(from[i]), factor)};
            scaled[i] = std::byte{slow_product(std::to_integer<unsigned>(from[i]), factor)};
        }
        gf256::add_scaled(to, from, factor);
        CHECK(to == expected);
        gf256::scale(from, factor);
        CHECK(from == scaled);
    }
}

TEST_CASE(
    "many bytes at once are right for every factor, length and place in memory, and none beside them is touched") {
    test::SeededRandom random(1);
    Buffer from(96), to(96);
    random.fill(from);
    random.fill(to);
    int wrong = 0;
    for (std::size_t factor = 0; factor < 256; ++factor) {
        std::array<std::byte, 256> product{};
        for (std::size_t a = 0; a < 256; ++a) {
            product[a] = std::byte{slow_product(static_cast<unsigned>(a), static_cast<unsigned>(factor))};
        }
        for (std::size_t length = 0; length <= 70; ++length) {
            const std::size_t from_offset = random.below(17), to_offset = random.below(17);
            Buffer sum = to, scaled = from;
            gf256::add_scaled(MutableBytes(sum).subspan(to_offset), Bytes(from).subspan(from_offset, length),
                              element(factor));
            gf256::scale(MutableBytes(scaled).subspan(from_offset, length), element(factor));
            for (std::size_t i = 0; i < sum.size(); ++i) {
                const bool within = i >= to_offset && i - to_offset < length;
                const std::byte added =
                    within ? product[std::to_integer<std::size_t>(from[i - to_offset + from_offset])] : std::byte{0};
                if (sum[i] != (to[i] ^ added)) ++wrong;
                const bool changed = i >= from_offset && i - from_offset < length;
                if (scaled[i] != (changed ? product[std::to_integer<std::size_t>(from[i])] : from[i])) ++wrong;
            }
        }
    }
    CHECK(wrong == 0);
}
