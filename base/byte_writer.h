// Writes big-endian fields into room of fixed size. Overflow is remembered, not written: check ok() once at the end.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>

#include "base/network_order.h"
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
        const T encoded = network_order(value);
        return bytes(std::as_bytes(std::span(&encoded, 1)));
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
