// Writes big-endian fields into room of fixed size. Overflow is remembered, not written: check ok() once at the end.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>

#include "sotto/bytes.h"

namespace sotto {

class ByteWriter {
  public:
    explicit ByteWriter(MutableBytes room) : room_(room) {}

    bool ok() const { return ok_; }
    std::size_t size() const { return used_; }
    Bytes written() const { return room_.first(used_); }

    ByteWriter& bytes(Bytes source) {
        if (source.size() > room_.size() - used_) {
            ok_ = false;
            return *this;
        }
        std::copy(source.begin(), source.end(), room_.begin() + static_cast<std::ptrdiff_t>(used_));
        used_ += source.size();
        return *this;
    }

    template <std::unsigned_integral T>
    ByteWriter& integer(T value) {
        std::byte encoded[sizeof(T)];
        for (std::size_t i = 0; i < sizeof(T); ++i) {
            encoded[i] = static_cast<std::byte>(static_cast<std::uint64_t>(value) >> (8 * (sizeof(T) - 1 - i)));
        }
        return bytes(encoded);
    }

    ByteWriter& u8(std::uint8_t value) { return integer(value); }
    ByteWriter& u16(std::uint16_t value) { return integer(value); }
    ByteWriter& u32(std::uint32_t value) { return integer(value); }
    ByteWriter& u64(std::uint64_t value) { return integer(value); }

  private:
    MutableBytes room_;
    std::size_t used_ = 0;
    bool ok_ = true;
};

}  // namespace sotto
