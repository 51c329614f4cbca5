// Counts heap allocations of the whole program: operator new is our own code, malloc the C libraries'.
#pragma once

#include <cstdint>

namespace sotto::bench {

struct Allocations {
    std::uint64_t own = 0;       // calls of operator new
    std::uint64_t foreign = 0;   // calls of malloc, calloc, realloc and their kin other than by operator new
    std::int64_t own_bytes = 0;  // held now
    std::int64_t foreign_bytes = 0;

    friend Allocations operator-(const Allocations& a, const Allocations& b) {
        return {a.own - b.own, a.foreign - b.foreign, a.own_bytes - b.own_bytes, a.foreign_bytes - b.foreign_bytes};
    }
};

// Since the program started. Single-threaded: what other threads allocate may be miscounted.
Allocations allocations();

// False where the C library's malloc cannot be replaced by the program's own: `foreign` and bytes then stay
// 0.
bool counts_foreign();

}  // namespace sotto::bench
