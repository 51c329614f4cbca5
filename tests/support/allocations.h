// Counts this program's own heap allocations by operator new; libraries in C use malloc directly. Include it in one
// file of a program.
#pragma once

#include <malloc.h>

#include <cstdlib>
#include <new>

namespace sotto::test {

inline std::size_t allocations = 0;
inline std::size_t held = 0;  // bytes, not yet given back

}  // namespace sotto::test

[[gnu::noinline]] void* operator new(std::size_t size) {
    ++sotto::test::allocations;
    if (void* const memory = std::malloc(size)) {
        sotto::test::held += malloc_usable_size(memory);
        return memory;
    }
    throw std::bad_alloc();
}
// Not inlined: GCC 12 would see one half of the pair and warn of a mismatch.
[[gnu::noinline]] void operator delete(void* memory) noexcept {
    sotto::test::held -= malloc_usable_size(memory);
    std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { operator delete(memory); }
