// Who somebody is: a long-term public key, and what people compare to be sure of it.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <string>

#include "sotto/bytes.h"
#include "sotto/error.h"
#include "sotto/export.h"

namespace sotto {

// Ed25519 public key, 32 bytes, as RFC 8032 encodes it. Two identities are the same when these bytes are.
struct PublicIdentity {
    static constexpr std::size_t size = 32;
    std::array<std::byte, size> key{};

    friend auto operator<=>(const PublicIdentity&, const PublicIdentity&) = default;
};

// One of an identity's devices: another Ed25519 public key, made where it is used and never copied.
struct DeviceKey {
    static constexpr std::size_t size = 32;
    std::array<std::byte, size> key{};

    friend auto operator<=>(const DeviceKey&, const DeviceKey&) = default;
};

// 60 decimal digits in 12 groups of 5, the same on both sides of a pair of identities.
using SafetyNumber = std::string;

// 16 random bytes, chosen by the caller.
struct CallId {
    static constexpr std::size_t size = 16;
    std::array<std::byte, size> bytes{};

    friend auto operator<=>(const CallId&, const CallId&) = default;
};

// Lower-case hexadecimal, for people and logs.
SOTTO_API std::string to_hex(Bytes bytes);

// Refuses anything but an even number of hexadecimal digits.
SOTTO_API Result<Buffer> from_hex(std::string_view text);

}  // namespace sotto
