#include "transport/gf256.h"

#include <doctest/doctest.h>

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
