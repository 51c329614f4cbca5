// Secrets as valgrind sees them: memory "undefined", so that every branch and every address made of it is reported
// (Langley's ctgrind). What the protocol publishes is marked defined where it becomes public, with the reason beside.
#pragma once

#include <valgrind/memcheck.h>

#include <algorithm>
#include <vector>

#include "support/random.h"

namespace sotto::ct {

inline void mark_secret(const void* data, std::size_t size) {
    static_cast<void>(VALGRIND_MAKE_MEM_UNDEFINED(data, size));
}
inline void mark_public(const void* data, std::size_t size) {
    static_cast<void>(VALGRIND_MAKE_MEM_DEFINED(data, size));
}

// Whether valgrind still knows that these bytes are made of secrets. A test that lost track would prove nothing.
inline bool is_secret(Bytes bytes) {
    std::vector<unsigned char> bits(bytes.size());
    static_cast<void>(VALGRIND_GET_VBITS(bytes.data(), bits.data(), bits.size()));
    return std::ranges::any_of(bits, [](unsigned char b) { return b != 0; });
}

// For a test's own comparison: copies, and looks at the copy.
inline Buffer looked_at(Bytes bytes) {
    Buffer copy = to_buffer(bytes);
    mark_public(copy.data(), copy.size());
    return copy;
}

// Keys and seeds, of 32 and 64 bytes, are secret from the moment they are drawn. All else that the protocol draws goes
// out in the open: ids (4), call ids (16), the nonces of headers (24).
class SecretRandom final : public Random {
  public:
    explicit SecretRandom(std::uint64_t seed) : source_(seed) {}
    void fill(MutableBytes out) override {
        source_.fill(out);
        if (out.size() == 32 || out.size() == 64) mark_secret(out.data(), out.size());
    }

  private:
    test::SeededRandom source_;
};

}  // namespace sotto::ct
