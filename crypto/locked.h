// Memory for secrets that live long: out of swap and core dumps where the system allows it, wiped when given back.
// Small blocks share pages, so that thousands of keys cost the bytes they have and not a page each.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sotto::crypto {

// A multiple of locked_alignment. Out of memory, it throws as `new` does.
void* allocate_locked(std::size_t size);
void release_locked(void* block, std::size_t size);

// All of the process. What the system refused to lock (RLIMIT_MEMLOCK) serves all the same.
struct LockedMemory {
    std::size_t in_use = 0;     // bytes in blocks handed out
    std::size_t held = 0;       // bytes of pages behind them
    std::uint64_t taken = 0;    // blocks handed out so far
    std::uint64_t refused = 0;  // how often the system left pages open to swapping
};
LockedMemory locked_memory();

inline constexpr std::size_t locked_alignment = 64;

// A base for what `new` and std::make_unique place whole in locked memory.
struct Locked {
    static void* operator new(std::size_t size) { return allocate_locked(size); }
    static void operator delete(void* object, std::size_t size) { release_locked(object, size); }
};

// For containers of secrets and std::allocate_shared.
template <class T>
struct LockedAllocator {
    static_assert(alignof(T) <= locked_alignment);
    using value_type = T;

    LockedAllocator() = default;
    template <class U>
    LockedAllocator(const LockedAllocator<U>&) {}

    // NOLINTBEGIN(bugprone-sizeof-expression): T is a pointer where a deque keeps its map
    T* allocate(std::size_t count) { return static_cast<T*>(allocate_locked(count * sizeof(T))); }
    void deallocate(T* first, std::size_t count) { release_locked(static_cast<void*>(first), count * sizeof(T)); }
    // NOLINTEND(bugprone-sizeof-expression)
    friend bool operator==(const LockedAllocator&, const LockedAllocator&) { return true; }
};

}  // namespace sotto::crypto
