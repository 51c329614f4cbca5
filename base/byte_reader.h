// Reads big-endian fields off the front of a byte view; a read past the end gives Error::truncated and takes nothing.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstring>

#include "base/network_order.h"
#include "sotto/bytes.h"
#include "sotto/error.h"

namespace sotto {

class ByteReader {
  public:
    explicit ByteReader(Bytes bytes) : rest_(bytes) {}

    Bytes rest() const { return rest_; }
    std::size_t remaining() const { return rest_.size(); }
    bool empty() const { return rest_.empty(); }

    Result<Bytes> take(std::size_t count) {
        if (count > rest_.size()) return Failure(Error::truncated);
        const Bytes taken = rest_.first(count);
        rest_ = rest_.subspan(count);
        return taken;
    }

    template <std::unsigned_integral T>
    Result<T> integer() {
        const auto taken = take(sizeof(T));
        if (!taken) return Failure(taken.error());
        T value;
        std::memcpy(&value, taken->data(), sizeof(value));
        return network_order(value);
    }

    template <std::size_t N>
    Result<std::array<std::byte, N>> array() {
        const auto taken = take(N);
        if (!taken) return Failure(taken.error());
        std::array<std::byte, N> out;
        std::copy(taken->begin(), taken->end(), out.begin());
        return out;
    }

    Result<std::uint8_t> u8() { return integer<std::uint8_t>(); }
    Result<std::uint16_t> u16() { return integer<std::uint16_t>(); }
    Result<std::uint32_t> u32() { return integer<std::uint32_t>(); }
    Result<std::uint64_t> u64() { return integer<std::uint64_t>(); }

  private:
    Bytes rest_;
};

}  // namespace sotto
