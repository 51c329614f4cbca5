// What fuzz targets share: a property that must hold, the input as a program, and what an attacker makes of a message.
#pragma once

#include <algorithm>
#include <cstdio>
#include <functional>
#include <source_location>

#include "sotto/bytes.h"
#include "sotto/time.h"

namespace sotto::fuzz {

// Stops at once, where both a fuzzer and the replay of its seeds see it.
inline void check(bool holds, std::source_location at = std::source_location::current()) {
    if (holds) return;
    std::fprintf(stderr, "%s:%u: a property does not hold\n", at.file_name(), static_cast<unsigned>(at.line()));
    __builtin_trap();
}

inline Bytes input(const std::uint8_t* data, std::size_t size) { return std::as_bytes(std::span(data, size)); }

inline bool inside(Bytes part, Bytes whole) {
    return part.empty() || (std::less_equal<>{}(whole.data(), part.data()) &&
                            std::less_equal<>{}(part.data() + part.size(), whole.data() + whole.size()));
}

// The input as instructions: what lies past its end reads as zero.
class Program {
  public:
    explicit Program(Bytes bytes) : rest_(bytes) {}

    bool done() const { return rest_.empty(); }
    std::uint8_t u8() {
        const Bytes taken = bytes(1);
        return taken.empty() ? std::uint8_t{0} : std::to_integer<std::uint8_t>(taken[0]);
    }
    std::int8_t i8() { return static_cast<std::int8_t>(u8()); }
    std::uint16_t u16() {
        const std::uint8_t high = u8();
        return static_cast<std::uint16_t>(high << 8 | u8());
    }
    Duration milliseconds() { return std::chrono::milliseconds(u8()); }
    Bytes bytes(std::size_t count) {
        const Bytes taken = rest_.first(std::min(count, rest_.size()));
        rest_ = rest_.subspan(taken.size());
        return taken;
    }
    Bytes rest() { return bytes(rest_.size()); }

  private:
    Bytes rest_;
};

// What somebody on the way can put in place of a genuine message. The first byte of `plan` says how: even,
// the rest is sent as it is; odd, the rest is a mask over the genuine message, of which the other seven bits
// say how much is cut off. It equals the genuine one only for an odd plan that changes nothing.
inline Buffer tampered(Bytes genuine, Bytes plan) {
    Program program(plan);
    const std::uint8_t kind = program.u8();
    if (kind % 2 == 0) return to_buffer(program.rest());
    Buffer changed = to_buffer(genuine.first(genuine.size() - std::min<std::size_t>(kind / 2, genuine.size())));
    const Bytes mask = program.rest();
    changed.resize(std::max(changed.size(), mask.size()));
    std::ranges::transform(mask, changed, changed.begin(), std::bit_xor<>{});
    return changed;
}

}  // namespace sotto::fuzz
