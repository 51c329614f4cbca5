#include "transport/gf256.h"

#include <array>
#include <cstring>

namespace sotto::transport::gf256 {
namespace {

constexpr unsigned polynomial = 0x11d;

// The powers of x, which are all 255 non-zero elements, twice over; and which power an element is.
struct Tables {
    std::array<std::uint8_t, 510> power{};
    std::array<std::uint8_t, 256> exponent{};
};

constexpr Tables tables = [] {
    Tables t;
    unsigned element = 1;
    for (unsigned n = 0; n < 255; ++n) {
        t.power[n] = t.power[n + 255] = static_cast<std::uint8_t>(element);
        t.exponent[element] = static_cast<std::uint8_t>(n);
        element = (element & 0x80) != 0 ? element << 1 ^ polynomial : element << 1;
    }
    return t;
}();

constexpr std::uint64_t in_each_byte(std::uint8_t value) { return 0x0101010101010101U * value; }

// Eight elements at once, each times x. What leaves a byte at its top comes back as the polynomial's lower bits.
constexpr std::uint64_t doubled(std::uint64_t elements) {
    const std::uint64_t top = elements & in_each_byte(0x80);
    const std::uint64_t reduced = (top - (top >> 7)) & in_each_byte(polynomial & 0x7f);
    return (elements & in_each_byte(0x7f)) << 1 ^ reduced;
}

// A factor's bits, each as a mask over all lanes.
struct Factor {
    explicit Factor(std::uint8_t factor) {
        for (unsigned bit = 0; bit < 8; ++bit) mask[bit] = (factor >> bit & 1) != 0 ? ~std::uint64_t{0} : 0;
    }
    std::array<std::uint64_t, 8> mask;
};

// Schoolbook multiplication without a branch or a loop, so that the compiler makes vectors of it.
inline std::uint64_t product(std::uint64_t elements, const Factor& factor) {
    std::uint64_t sum = elements & factor.mask[0];
    sum ^= (elements = doubled(elements)) & factor.mask[1];
    sum ^= (elements = doubled(elements)) & factor.mask[2];
    sum ^= (elements = doubled(elements)) & factor.mask[3];
    sum ^= (elements = doubled(elements)) & factor.mask[4];
    sum ^= (elements = doubled(elements)) & factor.mask[5];
    sum ^= (elements = doubled(elements)) & factor.mask[6];
    return sum ^ (doubled(elements) & factor.mask[7]);
}

constexpr std::size_t lanes = 4;
using Block = std::array<std::uint64_t, lanes>;

void add_block(std::byte* to, const std::byte* from, std::size_t size, const Factor& factor) {
    Block sum{}, elements{};
    std::memcpy(sum.data(), to, size);
    std::memcpy(elements.data(), from, size);
    for (std::size_t i = 0; i < lanes; ++i) sum[i] ^= product(elements[i], factor);
    std::memcpy(to, sum.data(), size);
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
    const Factor bits(factor);
    const std::size_t whole = from.size() - from.size() % sizeof(Block);
    for (std::size_t i = 0; i < whole; i += sizeof(Block)) add_block(&to[i], &from[i], sizeof(Block), bits);
    if (whole < from.size()) add_block(&to[whole], &from[whole], from.size() - whole, bits);
}

void scale(MutableBytes bytes, std::uint8_t factor) {
    // factor * b = b + (factor + 1) * b, and each block is read before it is written.
    add_scaled(bytes, bytes, factor ^ 1);
}

}  // namespace sotto::transport::gf256
