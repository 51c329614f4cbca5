// The field of 256 elements that repair packets are computed in: polynomials over bits modulo 0x11D
// (docs/protocol.md, "Repair"; the field of RFC 5510 and RFC 8681).
#pragma once

#include <cstdint>

#include "sotto/bytes.h"

namespace sotto::transport::gf256 {

std::uint8_t multiply(std::uint8_t a, std::uint8_t b);

// Of anything but 0, which has none (gives 0).
std::uint8_t inverse(std::uint8_t a);

// to += factor * from, byte by byte. `to` is at least as long as `from`.
void add_scaled(MutableBytes to, Bytes from, std::uint8_t factor);
// bytes *= factor
void scale(MutableBytes bytes, std::uint8_t factor);

}  // namespace sotto::transport::gf256
