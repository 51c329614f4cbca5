#include "bench/allocations.h"

#include <cerrno>
#include <cstdlib>
#include <new>

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "crypto/locked.h"

namespace sotto::bench {
namespace {

constinit Allocations counted;
constinit bool counting = false;
constinit crypto::LockedMemory locked_before;

std::int64_t unused(const crypto::LockedMemory& locked) {
    return static_cast<std::int64_t>(locked.held) - static_cast<std::int64_t>(locked.in_use);
}

}  // namespace

void start_counting() {
    counted = {};
    locked_before = crypto::locked_memory();
    counting = true;
}

Allocations stop_counting() {
    counting = false;
    // Operator new saw the pages that locked memory is cut from: what counts is the blocks.
    const crypto::LockedMemory locked = crypto::locked_memory();
    counted.own += locked.taken - locked_before.taken;
    if (counts_foreign()) counted.own_bytes += unused(locked_before) - unused(locked);
    return counted;
}

}  // namespace sotto::bench

using sotto::bench::counted;
using sotto::bench::counting;

// A static C library has its own malloc in the same object as what would reach it.
#if defined(__GLIBC__) && !defined(SOTTO_STATIC)

// glibc's allocator under the names by which a program that replaces malloc still reaches it.
extern "C" {
// NOLINTBEGIN(bugprone-reserved-identifier): reserved for glibc, whose they are
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* memory, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);
void __libc_free(void* memory);
// NOLINTEND(bugprone-reserved-identifier)
}

namespace {

std::int64_t size_of(void* memory) {
    return memory == nullptr ? 0 : static_cast<std::int64_t>(::malloc_usable_size(memory));
}

void* count_foreign(void* memory) {
    if (!counting) return memory;
    ++counted.foreign;
    counted.foreign_bytes += size_of(memory);
    return memory;
}

void* count_own(void* memory) {
    if (memory == nullptr) throw std::bad_alloc();
    if (!counting) return memory;
    ++counted.own;
    counted.own_bytes += size_of(memory);
    return memory;
}

void free_own(void* memory) {
    if (counting) counted.own_bytes -= size_of(memory);
    __libc_free(memory);
}

}  // namespace

bool sotto::bench::counts_foreign() { return true; }

// Visible, so that shared libraries bind to these in place of the C library's.
extern "C" {
[[gnu::visibility("default")]] void* malloc(std::size_t size) noexcept { return count_foreign(__libc_malloc(size)); }
[[gnu::visibility("default")]] void* calloc(std::size_t count, std::size_t size) noexcept {
    return count_foreign(__libc_calloc(count, size));
}
[[gnu::visibility("default")]] void* realloc(void* memory, std::size_t size) noexcept {
    if (counting) counted.foreign_bytes -= size_of(memory);
    return count_foreign(__libc_realloc(memory, size));
}
[[gnu::visibility("default")]] void* memalign(std::size_t alignment, std::size_t size) noexcept {
    return count_foreign(__libc_memalign(alignment, size));
}
[[gnu::visibility("default")]] void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
    return count_foreign(__libc_memalign(alignment, size));
}
[[gnu::visibility("default")]] int posix_memalign(void** out, std::size_t alignment, std::size_t size) noexcept {
    *out = count_foreign(__libc_memalign(alignment, size));
    return *out == nullptr ? ENOMEM : 0;
}
[[gnu::visibility("default")]] void free(void* memory) noexcept {
    if (counting) counted.foreign_bytes -= size_of(memory);
    __libc_free(memory);
}
}

void* operator new(std::size_t size) { return count_own(__libc_malloc(size)); }
void* operator new(std::size_t size, std::align_val_t alignment) {
    return count_own(__libc_memalign(static_cast<std::size_t>(alignment), size));
}

#else

namespace {

void* count_own(void* memory) {
    if (memory == nullptr) throw std::bad_alloc();
    if (!counting) return memory;
    ++counted.own;
    return memory;
}

void free_own(void* memory) { std::free(memory); }

}  // namespace

bool sotto::bench::counts_foreign() { return false; }

void* operator new(std::size_t size) { return count_own(std::malloc(size)); }
void* operator new(std::size_t size, std::align_val_t alignment) {
    void* memory = nullptr;
    const int error = posix_memalign(&memory, static_cast<std::size_t>(alignment), size);
    return count_own(error == 0 ? memory : nullptr);
}

#endif

void operator delete(void* memory) noexcept { free_own(memory); }
void operator delete(void* memory, std::size_t) noexcept { free_own(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { free_own(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { free_own(memory); }
