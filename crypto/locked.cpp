#include "crypto/locked.h"

#include <sanitizer/asan_interface.h>
#include <sodium.h>

#include <array>
#include <atomic>
#include <bit>
#include <new>

#include "sotto/secret.h"

namespace sotto::crypto {
namespace {

constexpr std::size_t page_size = 16384;  // of the pool; what is larger has pages of its own
// No page of any machine is larger (arm64 has 4, 16 or 64 KiB), so that unlocking one block's pages never unlocks
// another's.
constexpr std::size_t largest_page = 65536;
constexpr std::size_t size_classes = std::bit_width(page_size / locked_alignment);  // 64, 128, ... 16384 bytes

constexpr std::size_t class_of(std::size_t size) {
    return size <= locked_alignment ? 0 : std::bit_width((size - 1) / locked_alignment);
}
constexpr std::size_t block_size(std::size_t size_class) { return locked_alignment << size_class; }
constexpr std::size_t whole_pages(std::size_t size) { return (size + largest_page - 1) / largest_page * largest_page; }
constexpr std::align_val_t alignment_of(std::size_t size) {
    return std::align_val_t(size > page_size ? largest_page : page_size);
}

// Accounts of several threads share the pages; nobody holds this for longer than it takes to link a block.
class Turn {
  public:
    explicit Turn(std::atomic_flag& taken) : taken_(taken) {
        while (taken_.test_and_set(std::memory_order_acquire)) taken_.wait(true, std::memory_order_relaxed);
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn() {
        taken_.clear(std::memory_order_release);
        taken_.notify_one();
    }

  private:
    std::atomic_flag& taken_;
};

struct FreeBlock {
    FreeBlock* next;
};

class Pool {
  public:
    void* take(std::size_t size) {
        const Turn turn(taken_);
        ++used_.taken;
        if (size > page_size) {
            used_.in_use += whole_pages(size);
            return add_pages(whole_pages(size));
        }
        const std::size_t size_class = class_of(size);
        if (free_[size_class] == nullptr) divide(size_class);
        FreeBlock* const block = free_[size_class];
        free_[size_class] = block->next;
        block->next = nullptr;
        ASAN_UNPOISON_MEMORY_REGION(block, block_size(size_class));
        used_.in_use += block_size(size_class);
        return block;
    }

    void give_back(void* memory, std::size_t size) {
        wipe(memory, size);
        const Turn turn(taken_);
        if (size > page_size) {
            used_.in_use -= whole_pages(size);
            remove_pages(memory, whole_pages(size));
            return;
        }
        const std::size_t size_class = class_of(size);
        keep(memory, size_class);
        used_.in_use -= block_size(size_class);
    }

    LockedMemory used() {
        const Turn turn(taken_);
        return used_;
    }

  private:
    // Pages of our own, for the system locks nothing smaller: sodium_mlock() also keeps them out of core dumps.
    void* add_pages(std::size_t size) {
        void* const pages = ::operator new(size, alignment_of(size));
        if (sodium_mlock(pages, size) != 0) ++used_.refused;
        used_.held += size;
        return pages;
    }
    void remove_pages(void* pages, std::size_t size) {
        sodium_munlock(pages, size);
        used_.held -= size;
        ::operator delete(pages, size, alignment_of(size));
    }

    // A page's worth of blocks. They stay what they are: the next secrets of that size take them.
    void divide(std::size_t size_class) {
        auto* const pages = static_cast<std::byte*>(add_pages(page_size));
        for (std::size_t at = page_size; at > 0; at -= block_size(size_class)) {
            keep(pages + at - block_size(size_class), size_class);
        }
    }
    // AddressSanitizer, where it runs, reports whoever still uses the block.
    void keep(void* block, std::size_t size_class) {
        free_[size_class] = new (block) FreeBlock{free_[size_class]};
        ASAN_POISON_MEMORY_REGION(free_[size_class] + 1, block_size(size_class) - sizeof(FreeBlock));
    }

    std::atomic_flag taken_;
    std::array<FreeBlock*, size_classes> free_{};
    LockedMemory used_;
};

// Never destroyed: secrets in static objects outlive every order of destruction.
Pool& pool() {
    static Pool& only = *new Pool;
    return only;
}

}  // namespace

void* allocate_locked(std::size_t size) { return pool().take(size); }
void release_locked(void* block, std::size_t size) {
    if (block != nullptr) pool().give_back(block, size);
}
LockedMemory locked_memory() { return pool().used(); }

}  // namespace sotto::crypto
