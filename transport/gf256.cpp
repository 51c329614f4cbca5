#include "transport/gf256.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace sotto::transport::gf256 {
namespace {

constexpr unsigned polynomial = 0x11d;

constexpr std::uint8_t doubled(std::uint8_t element) {
    const unsigned twice = unsigned{element} << 1;
    return static_cast<std::uint8_t>((element & 0x80) != 0 ? twice ^ polynomial : twice);
}

// The powers of x, which are all 255 non-zero elements, twice over; and which power an element is.
struct Tables {
    std::array<std::uint8_t, 510> power{};
    std::array<std::uint8_t, 256> exponent{};
};

constexpr Tables tables = [] {
    Tables t;
    std::uint8_t element = 1;
    for (unsigned n = 0; n < 255; ++n) {
        t.power[n] = t.power[n + 255] = element;
        t.exponent[element] = static_cast<std::uint8_t>(n);
        element = doubled(element);
    }
    return t;
}();

// Sixteen elements at once: both compilers make the machine's own vectors of these, at every level of optimisation.
using Lanes [[gnu::vector_size(16)]] = std::uint8_t;
using SignedLanes [[gnu::vector_size(16)]] = std::int8_t;

// What each bit of an element adds to its product with one factor, the top bit first: the factor times a power of x.
struct Factor {
    explicit Factor(std::uint8_t factor) {
        for (std::size_t bit = 8; bit-- > 0; factor = doubled(factor)) part[bit] = Lanes{} + factor;
    }
    std::array<Lanes, 8> part;
};

// Schoolbook multiplication without a branch or a loop. A lane whose top bit is set is negative.
inline Lanes product(Lanes elements, const Factor& factor) {
    const auto next = [&](std::size_t bit) {
        const Lanes mask = reinterpret_cast<Lanes>(reinterpret_cast<SignedLanes>(elements) < SignedLanes{});
        elements += elements;
        return mask & factor.part[bit];
    };
    Lanes sum = next(0);
    sum ^= next(1);
    sum ^= next(2);
    sum ^= next(3);
    sum ^= next(4);
    sum ^= next(5);
    sum ^= next(6);
    return sum ^ next(7);
}

// A function of its own for whole blocks: with a constant size the copies are single instructions.
inline void add_whole(std::byte* to, const std::byte* from, const Factor& factor) {
    Lanes sum, elements;
    std::memcpy(&sum, to, sizeof(Lanes));
    std::memcpy(&elements, from, sizeof(Lanes));
    sum ^= product(elements, factor);
    std::memcpy(to, &sum, sizeof(Lanes));
}

void add_rest(std::byte* to, const std::byte* from, std::size_t size, const Factor& factor) {
    std::array<std::byte, sizeof(Lanes)> sum{}, elements{};
    std::copy_n(to, size, sum.data());
    std::copy_n(from, size, elements.data());
    add_whole(sum.data(), elements.data(), factor);
    std::copy_n(sum.data(), size, to);
}

}  // namespace

std::uint8_t multiply(std::uint8_t a, std::uint8_t b) {
    if (a == 0 || b == 0) return 0;
    return tables.power[std::size_t{tables.exponent[a]} + tables.exponent[b]];
}

std::uint8_t inverse(std::uint8_t a) {
    return a == 0 ? std::uint8_t{0} : tables.power[std::size_t{255} - tables.exponent[a]];
}

void add_scaled(MutableBytes to, Bytes from, std::uint8_t factor) {
    if (factor == 0) return;
    const Factor parts(factor);
    const std::size_t whole = from.size() - from.size() % sizeof(Lanes);
    for (std::size_t i = 0; i < whole; i += sizeof(Lanes)) add_whole(&to[i], &from[i], parts);
    if (whole < from.size()) add_rest(&to[whole], &from[whole], from.size() - whole, parts);
}

void scale(MutableBytes bytes, std::uint8_t factor) {
    // factor * b = b + (factor + 1) * b, and each block is read before it is written.
    add_scaled(bytes, bytes, factor ^ 1);
}

}  // namespace sotto::transport::gf256
