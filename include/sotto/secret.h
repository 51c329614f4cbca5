// Holders for secrets: not copyable, wiped when moved from or destroyed, never printed.
#pragma once

#include <array>
#include <cstddef>
#include <cstring>
#include <type_traits>
#include <utility>

#include "sotto/bytes.h"

namespace sotto {

// Overwrites memory so that the optimiser cannot drop the store.
inline void wipe(void* data, std::size_t size) {
    if (size == 0) return;  // an empty buffer has no address
    std::memset(data, 0, size);
    __asm__ __volatile__("" : : "r"(data) : "memory");
}

// `Role` tells secrets of equal size apart: Secret<RootKeyRole, 32> never converts to Secret<ChainKeyRole, 32>.
template <class Role, std::size_t N>
class Secret {
  public:
    static constexpr std::size_t size = N;

    Secret() = default;
    Secret(const Secret&) = delete;
    Secret& operator=(const Secret&) = delete;
    Secret(Secret&& other) noexcept { take(other); }
    Secret& operator=(Secret&& other) noexcept {
        if (this != &other) take(other);
        return *this;
    }
    ~Secret() { wipe(bytes_.data(), N); }

    // The one way in and the one way out; callers keep neither view beyond the statement.
    std::span<const std::byte, N> reveal() const { return bytes_; }
    std::span<std::byte, N> fill() { return bytes_; }

    // Copies on purpose and by name, where a protocol needs the same secret twice.
    Secret duplicate() const {
        Secret copy;
        copy.bytes_ = bytes_;
        return copy;
    }

  private:
    void take(Secret& other) {
        bytes_ = other.bytes_;
        wipe(other.bytes_.data(), N);
    }

    std::array<std::byte, N> bytes_{};
};

// A secret whose size is known only at run time, such as the record of a session. It never grows, so nothing stays
// behind in memory that was given back.
class SecretBuffer {
  public:
    SecretBuffer() = default;
    explicit SecretBuffer(std::size_t size) : bytes_(size) {}
    SecretBuffer(const SecretBuffer&) = delete;
    SecretBuffer& operator=(const SecretBuffer&) = delete;
    SecretBuffer(SecretBuffer&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
    SecretBuffer& operator=(SecretBuffer&& other) noexcept {
        if (this != &other) {
            wipe(bytes_.data(), bytes_.size());
            bytes_ = std::exchange(other.bytes_, {});
        }
        return *this;
    }
    ~SecretBuffer() { wipe(bytes_.data(), bytes_.size()); }

    std::size_t size() const { return bytes_.size(); }
    Bytes reveal() const { return bytes_; }
    MutableBytes fill() { return bytes_; }

  private:
    Buffer bytes_;
};

}  // namespace sotto
