// Counts heap allocations of the whole program: operator new is our own code, malloc the C libraries'.
#pragma once

#include <cstdint>

namespace sotto::bench {

struct Allocations {
    std::uint64_t own = 0;       // calls of operator new, and blocks of locked memory
    std::uint64_t foreign = 0;   // calls of malloc, calloc, realloc and their kin other than by operator new
    std::int64_t own_bytes = 0;  // more held afterwards than before
    std::int64_t foreign_bytes = 0;
};

// Counts from now until stop_counting(), which gives the result. Otherwise nothing is counted, so that what is timed is
// not slowed. Single-threaded: what other threads allocate may be miscounted.
void start_counting();
Allocations stop_counting();

template <class Work>
Allocations allocations_of(Work&& work) {
    start_counting();
    work();
    return stop_counting();
}

// False where the C library's malloc cannot be replaced by the program's own: `foreign` and bytes then stay 0.
bool counts_foreign();

}  // namespace sotto::bench
