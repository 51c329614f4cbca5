// Integers between the processor's order and the network's, big-endian.
#pragma once

#include <bit>
#include <concepts>

namespace sotto {

// Its own inverse.
template <std::unsigned_integral T>
constexpr T network_order(T value) {
    if constexpr (std::endian::native == std::endian::little) return std::byteswap(value);
    return value;
}

}  // namespace sotto
