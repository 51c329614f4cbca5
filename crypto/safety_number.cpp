#include "crypto/safety_number.h"

#include <algorithm>

#include "crypto/encoding.h"
#include "crypto/primitives.h"

namespace sotto::crypto {
namespace {

constexpr int rounds = 5200;
constexpr std::array version{std::byte{0}, std::byte{0}};

// Six groups of five digits for one identity.
std::string half(const PublicIdentity& identity) {
    const auto encoded = encode(identity);
    auto hash = sha512({as_bytes(labels::safety_number), version, encoded});
    for (int i = 0; i < rounds; ++i) hash = sha512({hash, encoded});
    std::string digits;
    for (std::size_t group = 0; group < 6; ++group) {
        std::uint64_t value = 0;
        for (std::size_t i = 0; i < 5; ++i) value = value << 8 | std::to_integer<std::uint64_t>(hash[group * 5 + i]);
        const std::string number = std::to_string(value % 100000);
        digits += std::string(5 - number.size(), '0') + number;
    }
    return digits;
}

}  // namespace

SafetyNumber safety_number(const PublicIdentity& a, const PublicIdentity& b) {
    const std::string first = half(a);
    const std::string second = half(b);
    const std::string digits = std::min(first, second) + std::max(first, second);
    SafetyNumber grouped;
    for (std::size_t i = 0; i < digits.size(); i += 5) {
        if (i > 0) grouped += ' ';
        grouped += digits.substr(i, 5);
    }
    return grouped;
}

}  // namespace sotto::crypto
