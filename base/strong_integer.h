// Numbers that wrap have types: a sequence number is never compared with "<" by accident.
#pragma once

#include <compare>
#include <concepts>
#include <cstdint>
#include <type_traits>

namespace sotto {

// An identifier: equal or not, no arithmetic.
template <class Tag, std::unsigned_integral T>
struct Identifier {
    T value{};
    friend constexpr bool operator==(Identifier, Identifier) = default;
};

// An unsigned counter on a circle (RFC 1982 serial number arithmetic; RFC 3550 §A.1 uses it for sequence numbers).
template <class Tag, std::unsigned_integral T>
struct Serial {
    using Distance = std::make_signed_t<T>;
    T value{};

    friend constexpr bool operator==(Serial, Serial) = default;

    constexpr Serial& operator+=(T step) {
        value = static_cast<T>(value + step);
        return *this;
    }
    friend constexpr Serial operator+(Serial a, T step) { return a += step; }

    // How far `b` lies ahead of `a` on the shorter way round; negative when behind.
    friend constexpr Distance distance(Serial a, Serial b) {
        return static_cast<Distance>(static_cast<T>(b.value - a.value));
    }
    friend constexpr bool is_newer(Serial a, Serial than) { return distance(than, a) > 0; }
};

using SequenceNumber = Serial<struct SequenceNumberTag, std::uint16_t>;  // RFC 3550 §5.1
using RtpTimestamp = Serial<struct RtpTimestampTag, std::uint32_t>;      // RFC 3550 §5.1
using Ssrc = Identifier<struct SsrcTag, std::uint32_t>;                  // RFC 3550 §5.1
using PayloadType = Identifier<struct PayloadTypeTag, std::uint8_t>;     // RFC 3550 §5.1, 7 bits

}  // namespace sotto
