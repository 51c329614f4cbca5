// A store in a file whose process is killed at every write, before it and in the middle of it.
#ifdef SOTTO_SQLITE

#include <doctest/doctest.h>
#include <sqlite3.h>

#include <cstdlib>

#include "sotto/store_sqlite.h"
#include "support/fused_store.h"
#include "support/temporary_folder.h"

using namespace sotto;
using namespace sotto::test;
using crypto::SealedStore;

namespace {

// -- SQLite's own way to the system, with a fuse in it

Fuse* fuse = nullptr;
bool torn = false;  // half of the write is done before the kill

using Write = ssize_t(int, const void*, std::size_t);
using WriteAt = ssize_t(int, const void*, std::size_t, off_t);
Write* true_write = nullptr;
WriteAt* true_write_at = nullptr;

ssize_t fused_write(int file, const void* bytes, std::size_t size) {
    if (fuse->burnt_down()) {
        if (torn) static_cast<void>(true_write(file, bytes, size / 2));
        Fuse::kill_ourselves();
    }
    return true_write(file, bytes, size);
}

ssize_t fused_write_at(int file, const void* bytes, std::size_t size, off_t place) {
    if (fuse->burnt_down()) {
        if (torn) static_cast<void>(true_write_at(file, bytes, size / 2, place));
        Fuse::kill_ourselves();
    }
    return true_write_at(file, bytes, size, place);
}

int fused_truncate(int file, off_t size) {
    fuse->step();
    return ::ftruncate(file, size);
}

int fused_unlink(const char* path) {
    fuse->step();
    return ::unlink(path);
}

template <class Function>
void replace(const char* name, Function* by) {
    sqlite3_vfs* const system = sqlite3_vfs_find(nullptr);
    if (system->xGetSystemCall(system, name) == nullptr) return;  // this SQLite does not use it
    if (system->xSetSystemCall(system, name, reinterpret_cast<sqlite3_syscall_ptr>(by)) != SQLITE_OK) std::abort();
}

void lay_fuse(Fuse& to_burn, bool tear) {
    sqlite3_initialize();
    sqlite3_vfs* const system = sqlite3_vfs_find(nullptr);
    fuse = &to_burn;
    torn = tear;
    true_write = reinterpret_cast<Write*>(system->xGetSystemCall(system, "write"));
    true_write_at = &::pwrite;
    replace("write", fused_write);
    replace("pwrite", fused_write_at);
    replace("pwrite64", fused_write_at);
    replace("ftruncate", fused_truncate);
    replace("unlink", fused_unlink);
}

// -- The program that is killed, and what must be found afterwards

// Goes on from where the store is, and tells each commit that has returned.
void run_rest(const Script& script, Store& file, const std::function<void(std::uint8_t)>& say) {
    auto store = SealedStore::open(file, store_key(1), system_random());
    if (!store || store->rolled_back()) std::abort();
    for (std::size_t n = store->generation(); n < script.commits.size(); ++n) {
        if (!script.run(*store, n)) std::abort();
        say(static_cast<std::uint8_t>(n + 1));
    }
}

// The state before the commit under way or the one after, whole, and no alarm; and the script can go on from there.
void check_remains(const Script& script, const std::string& path, const Remains& remains) {
    auto file = open_sqlite_store(path);
    REQUIRE(file);
    {
        auto store = SealedStore::open(**file, store_key(1), system_random());
        REQUIRE(store);
        CHECK_FALSE(store->rolled_back());
        const std::size_t told = remains.said.empty() ? 0 : std::to_integer<std::size_t>(remains.said.back());
        const std::size_t generation = store->generation();
        CHECK((generation == told || generation == told + 1));
        REQUIRE(generation < script.contents.size());
        CHECK(all_of(*store).value() == script.contents[generation]);
    }
    run_rest(script, **file, [](std::uint8_t) {});
    auto store = SealedStore::open(**file, store_key(1), system_random());
    REQUIRE(store);
    CHECK(all_of(*store).value() == script.contents.back());
}

// Kills `program` at each of its steps; gives how many there were.
int kill_everywhere(const Script& script,
                    const std::function<void(const std::string&, Fuse&, std::function<void(std::uint8_t)>)>& program) {
    for (int at = 0;; ++at) {
        CAPTURE(at);
        const TemporaryFolder folder;
        const std::string path = folder.file("store");
        const Remains remains = run_apart([&](const auto& say) {
            Fuse own(at);
            program(path, own, say);
        });
        check_remains(script, path, remains);
        if (!remains.killed) return at;
    }
}

}  // namespace

TEST_CASE("a process killed at any write leaves the state before a commit or the state after, whole or half written") {
    constexpr std::uint64_t seed = 21;
    CAPTURE(seed);
    const Script script(seed, 4, 5000);
    for (const bool tear : {false, true}) {
        CAPTURE(tear);
        const int steps = kill_everywhere(script, [&](const std::string& path, Fuse& own, const auto& say) {
            lay_fuse(own, tear);
            auto file = open_sqlite_store(path);
            if (!file) std::abort();
            run_rest(script, **file, say);
            file->reset();  // copies the log into the file
        });
        MESSAGE("killed at each of ", steps, " writes");
        CHECK(steps > 50);
    }
}

TEST_CASE("a process killed before or after any commit or anchor leaves a state from which the account goes on") {
    constexpr std::uint64_t seed = 22;
    CAPTURE(seed);
    const Script script(seed, 8, 500);
    const int steps = kill_everywhere(script, [&](const std::string& path, Fuse& own, const auto& say) {
        auto file = open_sqlite_store(path);
        if (!file) std::abort();
        FusedStore fused(**file, own);
        run_rest(script, fused, say);
    });
    CHECK(steps == 4 * (1 + 8));  // founding and each commit: two steps, and two for its anchor
}

#endif
