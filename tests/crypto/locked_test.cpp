// Locked memory: what it keeps from swap and dumps, what it costs, and that it forgets.
#include "crypto/locked.h"

#include <doctest/doctest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "crypto/keys.h"
#include "crypto/session.h"
#include "support/session_pair.h"

using namespace sotto;
using namespace sotto::crypto;

namespace {

// The kernel's flags of the mapping that holds this address (proc(5), VmFlags): "lo" is locked, "dd" not dumped.
std::string mapping_flags(const void* address) {
    std::ifstream maps("/proc/self/smaps");
    const auto wanted = reinterpret_cast<std::uintptr_t>(address);
    bool inside = false;
    for (std::string line; std::getline(maps, line);) {
        std::uintptr_t begin = 0, end = 0;
        char dash = 0;
        std::istringstream range(line);
        if (range >> std::hex >> begin >> dash >> end && dash == '-') inside = begin <= wanted && wanted < end;
        if (inside && line.starts_with("VmFlags:")) return line + " ";
    }
    return "";
}

bool all_zero(const void* block, std::size_t size) {
    const auto* const bytes = static_cast<const unsigned char*>(block);
    return std::all_of(bytes, bytes + size, [](unsigned char byte) { return byte == 0; });
}

// Under AddressSanitizer and ThreadSanitizer mlock() does nothing and says that it did.
bool mlock_works() {
    constexpr std::size_t size = 16384;
    void* const pages = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    const bool works = ::mlock(pages, size) != 0 || mapping_flags(pages).find(" lo ") != std::string::npos;
    ::munmap(pages, size);
    return works;
}

// What qemu-user runs can't keep memory from dumps, nor see its own mappings.
bool undumped_is_told() {
    constexpr std::size_t size = 16384;
    void* const pages = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    const bool told =
        ::madvise(pages, size, MADV_DONTDUMP) != 0 || mapping_flags(pages).find(" dd ") != std::string::npos;
    ::munmap(pages, size);
    if (!told) MESSAGE("skipped: this system tells of no memory that is kept from dumps");
    return told;
}

// Whether a child that may lock nothing gets memory that works, and sees it counted.
int without_permission() {
    const rlimit none{0, 0};
    if (::setrlimit(RLIMIT_MEMLOCK, &none) != 0) return 2;
    if (::geteuid() == 0 && ::setuid(65534) != 0) return 3;  // root may always lock
    const std::uint64_t before = locked_memory().refused;
    constexpr std::size_t size = 1 << 20;
    void* const block = allocate_locked(size);
    std::memset(block, 0x5a, size);
    release_locked(block, size);
    return locked_memory().refused > before ? 0 : 4;
}

struct State : Locked {
    ChainKey chain;
    std::array<int, 300> numbers{};
};

}  // namespace

TEST_CASE("locked memory is neither swapped nor dumped") {
    if (!undumped_is_told()) return;
    for (const std::size_t size : {std::size_t(32), std::size_t(5000), std::size_t(100'000)}) {
        CAPTURE(size);
        const std::uint64_t refused = locked_memory().refused;
        void* const block = allocate_locked(size);
        CHECK(reinterpret_cast<std::uintptr_t>(block) % locked_alignment == 0);
        const std::string flags = mapping_flags(block);
        CHECK(flags.find(" dd ") != std::string::npos);
        if (!mlock_works() || locked_memory().refused > refused) {
            MESSAGE("this build or system locks no memory for us: only the dump was checked");
        } else {
            CHECK(flags.find(" lo ") != std::string::npos);
        }
        release_locked(block, size);
    }
    const auto ordinary = std::make_unique<std::array<char, 1 << 20>>();
    CHECK(mapping_flags(ordinary.get()).find(" dd ") == std::string::npos);
}

TEST_CASE("where the system locks nothing the memory serves all the same, and is counted") {
    if (!mlock_works()) {
        MESSAGE("skipped: in this build mlock() does nothing");
        return;
    }
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) ::_exit(without_permission());
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
}

TEST_CASE("a block that was given back holds nothing of what it held") {
    for (const std::size_t size : {std::size_t(64), std::size_t(1000), std::size_t(16384)}) {
        CAPTURE(size);
        void* const first = allocate_locked(size);
        std::memset(first, 0x5a, size);
        release_locked(first, size);
        void* const second = allocate_locked(size);  // the last one back is the first one out
        CHECK(second == first);
        CHECK(all_zero(second, size));
        release_locked(second, size);
    }
}

TEST_CASE("two thousand keys cost what they are, not two thousand pages") {
    const LockedMemory before = locked_memory();
    std::vector<void*> keys;
    keys.reserve(2000);
    for (int i = 0; i < 2000; ++i) keys.push_back(allocate_locked(104));
    const LockedMemory during = locked_memory();
    CHECK(during.in_use - before.in_use == 2000 * 128);
    CHECK(during.held - before.held <= 2000 * 128 + 16384);
    for (void* const key : keys) release_locked(key, 104);
    CHECK(locked_memory().in_use == before.in_use);
}

TEST_CASE("an object whose class is Locked lies in locked memory whole, and leaves none behind") {
    const std::size_t before = locked_memory().in_use;
    const bool told = undumped_is_told();
    auto state = std::make_unique<State>();
    CHECK(locked_memory().in_use >= before + sizeof(State));
    if (told) CHECK(mapping_flags(state.get()).find(" dd ") != std::string::npos);
    state.reset();
    CHECK(locked_memory().in_use == before);
    const auto shared = std::allocate_shared<ChainKey>(LockedAllocator<ChainKey>());
    if (told) CHECK(mapping_flags(shared.get()).find(" dd ") != std::string::npos);
}

TEST_CASE("sessions, the keys they skipped and prekeys lie in locked memory, and leave none behind") {
    const std::size_t before = locked_memory().in_use;
    {
        test::SessionPair pair(3);
        CHECK(locked_memory().in_use >= before + 2 * 4096);  // each has an ML-KEM key, at least
        static_cast<void>(test::send(pair.bob(), "keeps more from then on"));
        for (int i = 0; i < 100; ++i) static_cast<void>(test::send(pair.alice(), "lost"));
        const std::size_t sessions = locked_memory().in_use;
        test::arrives(pair.bob(), test::send(pair.alice(), "seen"));
        CHECK(locked_memory().in_use >= sessions + 100 * 64);
        const std::size_t skipped = locked_memory().in_use;
        const PrekeyStore prekeys = PrekeyStore::generate(100, pair.random);
        CHECK(locked_memory().in_use >= skipped + 100 * 96);
    }
    CHECK(locked_memory().in_use == before);
}

TEST_CASE("containers of secrets grow in locked memory and keep what they hold") {
    const std::size_t before = locked_memory().in_use;
    {
        std::vector<ChainKey, LockedAllocator<ChainKey>> line;
        std::deque<ChainKey, LockedAllocator<ChainKey>> queue;
        std::map<int, ChainKey, std::less<>, LockedAllocator<std::pair<const int, ChainKey>>> shelf;
        for (int i = 0; i < 1000; ++i) {
            ChainKey key;
            std::ranges::fill(key.fill(), static_cast<std::byte>(i));
            line.push_back(key.duplicate());
            queue.push_back(key.duplicate());
            shelf.emplace(i, std::move(key));
        }
        CHECK(locked_memory().in_use >= before + 3 * 1000 * sizeof(ChainKey));
        for (int i = 0; i < 1000; ++i) {
            const auto expected = static_cast<std::byte>(i);
            REQUIRE(line[static_cast<std::size_t>(i)].reveal().back() == expected);
            REQUIRE(queue.front().reveal().front() == expected);
            REQUIRE(shelf.at(i).reveal().front() == expected);
            queue.pop_front();
        }
    }
    CHECK(locked_memory().in_use == before);
}

TEST_CASE("accounts of several threads share locked memory") {
    const std::size_t before = locked_memory().in_use;
    const auto work = [](unsigned char mark) {
        std::vector<unsigned char*> blocks;
        bool intact = true;
        for (int round = 0; round < 200; ++round) {
            for (int i = 0; i < 20; ++i) {
                blocks.push_back(static_cast<unsigned char*>(allocate_locked(200)));
                std::memset(blocks.back(), mark, 200);
            }
            for (unsigned char* const block : blocks) {
                intact = intact && std::all_of(block, block + 200, [&](unsigned char b) { return b == mark; });
                release_locked(block, 200);
            }
            blocks.clear();
        }
        return intact;
    };
    bool other = false;
    std::thread thread([&] { other = work(1); });
    const bool here = work(2);
    thread.join();
    CHECK(here);
    CHECK(other);
    CHECK(locked_memory().in_use == before);
}
