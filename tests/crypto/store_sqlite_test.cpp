#ifdef SOTTO_SQLITE

#include "sotto/store_sqlite.h"

#include <doctest/doctest.h>
#include <sqlite3.h>

#include "crypto/store_key.h"
#include "support/killed.h"
#include "support/store.h"
#include "support/temporary_folder.h"

using namespace sotto;
using namespace sotto::test;
using crypto::SealedStore;
namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t seed = 11;

void write_file(const std::string& path, std::string_view bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc)
        .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

// Flips bits of one byte where it lies; the same again undoes it.
void change_byte(const std::string& path, std::size_t place, char mask) {
    std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
    file.seekg(static_cast<std::streamoff>(place));
    const char byte = static_cast<char>(file.get() ^ mask);
    file.seekp(static_cast<std::streamoff>(place));
    file.put(byte);
}

// Both halves at once; the lower one must outlive the upper.
struct Opened {
    std::unique_ptr<Store> file;
    SealedStore sealed;
};

Result<Opened> open(const std::string& path, std::uint8_t key = 1) {
    auto file = open_sqlite_store(path);
    if (!file) return Failure(file.error());
    auto sealed = SealedStore::open(**file, store_key(key), system_random());
    if (!sealed) return Failure(sealed.error());
    return Opened{std::move(*file), std::move(*sealed)};
}

void run_all(const Script& script, const std::string& path) {
    auto store = open(path);
    REQUIRE(store);
    for (std::size_t n = store->sealed.generation(); n < script.commits.size(); ++n)
        REQUIRE(script.run(store->sealed, n));
}

Result<Contents> contents_at(const std::string& path) {
    auto store = open(path);
    if (!store) return Failure(store.error());
    return all_of(store->sealed);
}

// The file and its log as a crash would leave them.
void copy_in_use(const std::string& from, const std::string& to) {
    for (const char* const part : {"", "-wal", ".anchor"}) {
        if (fs::exists(from + part)) write_file(to + part, contents(from + part));
    }
}

}  // namespace

TEST_CASE("a store in a file keeps what was committed, for its owner alone, and is one file once it is closed") {
    const TemporaryFolder folder;
    const std::string path = folder.file("store");
    const Script script(seed, 40, 3000);
    {
        auto store = open(path);
        REQUIRE(store);
        for (std::size_t n = 0; n < script.commits.size(); ++n) REQUIRE(script.run(store->sealed, n));
        CHECK(fs::exists(path + "-wal"));
        for (const char* const part : {"", "-wal", ".anchor"}) {
            CHECK(fs::status(path + part).permissions() == (fs::perms::owner_read | fs::perms::owner_write));
        }
    }
    std::set<std::string> left;
    for (const auto& entry : fs::directory_iterator(fs::path(path).parent_path())) left.insert(entry.path().filename());
    CHECK(left == std::set<std::string>{"store", "store.anchor"});
    CHECK(contents(path).substr(18, 2) == "\x02\x02");  // SQLite's mark of a write-ahead log
    CHECK(contents_at(path).value() == script.contents.back());
}

TEST_CASE("the store of the interface: all changes or none, in their order, and names by their beginning") {
    const TemporaryFolder folder;
    auto store = open_sqlite_store(folder.file("store"));
    REQUIRE(store);
    const Buffer value = to_buffer(as_bytes("value"));
    const std::array changes{Change{"b/1", value}, Change{"b/2", Buffer{}}, Change{"a", value},
                             Change{"a", std::nullopt}};
    REQUIRE((*store)->commit(changes));
    CHECK((*store)->read("b/1").value() == value);
    CHECK((*store)->read("b/2").value() == Buffer{});
    CHECK((*store)->read("a").value() == std::nullopt);
    CHECK((*store)->names("b/").value().size() == 2);
    CHECK((*store)->names("B").value().empty());
    const std::array refused{Change{"c", value}, Change{std::string(256, 'x'), value}};
    CHECK((*store)->commit(refused).error() == Error::invalid_argument);
    CHECK((*store)->read("c").value() == std::nullopt);
}

TEST_CASE("a second opening of a store in use is refused, in this process and in another, and does no harm") {
    const TemporaryFolder folder;
    const std::string path = folder.file("store");
    const Script script(seed, 2, 100);
    {
        auto store = open(path);
        REQUIRE(store);
        REQUIRE(script.run(store->sealed, 0));
        CHECK(open_sqlite_store(path).error() == Error::unavailable);
        const Remains other = run_apart([&](const auto& say) {
            const auto second = open_sqlite_store(path);
            say(!second && second.error() == Error::unavailable ? 1 : 0);
        });
        CHECK(other.said == Buffer{std::byte{1}});
        REQUIRE(script.run(store->sealed, 1));
    }
    CHECK(contents_at(path).value() == script.contents.back());
}

TEST_CASE("an older file put back is noticed, and with its anchor in another place, one of the whole folder is, too") {
    const TemporaryFolder folder, elsewhere;
    const std::string path = folder.file("store"), anchor = elsewhere.file("anchor");
    const Script script(seed, 6, 300);
    std::string old;
    for (std::size_t n = 0; n < script.commits.size(); ++n) {
        auto file = open_sqlite_store(path, anchor);
        REQUIRE(file);
        auto store = SealedStore::open(**file, store_key(1), system_random());
        REQUIRE(store);
        CHECK_FALSE(store->rolled_back());
        REQUIRE(script.run(*store, n));
        file->reset();
        if (n == 3) old = contents(path);
    }
    CHECK_FALSE(fs::exists(path + ".anchor"));
    write_file(path, old);
    auto file = open_sqlite_store(path, anchor);
    auto store = SealedStore::open(**file, store_key(1), system_random());
    REQUIRE(store);
    CHECK(store->rolled_back());
    CHECK(all_of(*store).value() == script.contents[4]);
}

TEST_CASE("what is no store of ours is refused by name and left as it is, byte for byte") {
    const TemporaryFolder folder;
    const std::string path = folder.file("file");
    const auto refused_as = [&](Error error) {
        const std::string before = contents(path);
        CHECK(open_sqlite_store(path).error() == error);
        CHECK(contents(path) == before);
        CHECK_FALSE(fs::exists(path + "-wal"));
        CHECK_FALSE(fs::exists(path + ".anchor"));
    };
    write_file(path,
               "Dear diary, today I wrote a file that is longer than the first hundred bytes of a database are. " +
                   std::string(9000, '.'));
    refused_as(Error::foreign_store);
    write_file(path, "short");
    refused_as(Error::foreign_store);
    write_file(path, "");
    refused_as(Error::foreign_store);
    for (const char* const mode : {"DELETE", "WAL"}) {
        fs::remove(path);
        sqlite3* other = nullptr;
        REQUIRE(sqlite3_open(path.c_str(), &other) == SQLITE_OK);
        const std::string sql = std::string("PRAGMA journal_mode=") + mode + "; CREATE TABLE record (name, value);";
        REQUIRE(sqlite3_exec(other, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK);
        sqlite3_close(other);
        refused_as(Error::foreign_store);
    }
    fs::remove(path);
    run_all(Script(seed, 2, 100), path);
    fs::remove(path + ".anchor");
    std::string later = contents(path);
    later[63] = '\x02';  // user_version, big-endian
    write_file(path, later);
    refused_as(Error::unsupported_version);
    CHECK(open_sqlite_store(folder.file("no/such/folder")).error() == Error::io_failed);
    CHECK_FALSE(open_sqlite_store(fs::path(path).parent_path()).has_value());
}

TEST_CASE("another key is refused and changes nothing, even where a crash has left a log to be copied") {
    const TemporaryFolder folder;
    const std::string path = folder.file("store"), crashed = folder.file("crashed");
    const Script script(seed, 5, 300);
    {
        auto store = open(path);
        REQUIRE(store);
        for (std::size_t n = 0; n < script.commits.size(); ++n) REQUIRE(script.run(store->sealed, n));
        copy_in_use(path, crashed);
    }
    for (const auto& file : {path, crashed}) {
        const std::string before = contents(file), log = contents(file + "-wal");
        CHECK(open(file, 2).error() == Error::foreign_store);
        CHECK(contents(file) == before);
        CHECK(contents(file + "-wal") == log);
        CHECK(contents_at(file).value() == script.contents.back());
    }
}

TEST_CASE(
    "a byte changed anywhere in the file, 10,000 times: a named error or what was written, and never a touched file") {
    CAPTURE(seed);
    const TemporaryFolder folder;
    const std::string path = folder.file("store");
    const Script script(seed, 7, 4000);
    run_all(script, path);
    const std::string genuine = contents(path);
    SeededRandom random(seed);
    int intact = 0, wrong = 0, touched = 0;
    std::set<Error> errors;
    for (int n = 0; n < 10'000; ++n) {
        const std::size_t place = random.below(genuine.size());
        const char mask = static_cast<char>(1 + random.below(255));
        change_byte(path, place, mask);
        {
            auto store = open(path);
            const auto found = store ? all_of(store->sealed) : Result<Contents>(Failure(store.error()));
            if (!found) errors.insert(found.error());
            const bool right = found && *found == script.contents.back() && !store->sealed.rolled_back();
            if (found) ++(right ? intact : wrong);
        }
        change_byte(path, place, mask);
        touched += contents(path) != genuine;
    }
    CHECK(wrong == 0);
    CHECK(touched == 0);
    CHECK(intact < 8'000);  // in room that no record uses
    errors.erase(Error::foreign_store);
    errors.erase(Error::unsupported_version);
    errors.erase(Error::damaged_store);
    CHECK(errors.empty());
    CHECK(contents_at(path).value() == script.contents.back());
}

TEST_CASE("a file cut off anywhere is refused by name and left as it is") {
    const TemporaryFolder folder;
    const std::string path = folder.file("store");
    const Script script(seed, 30, 2500);
    run_all(script, path);
    const std::string genuine = contents(path);
    for (std::size_t size = 0; size < genuine.size(); size += size < 8192 ? 61 : 1024) {
        CAPTURE(size);
        write_file(path, genuine.substr(0, size));
        const auto found = contents_at(path);
        REQUIRE_FALSE(found);
        CHECK((found.error() == Error::foreign_store || found.error() == Error::damaged_store));
        CHECK(contents(path).size() == size);
    }
}

TEST_CASE("a log that is damaged or cut off gives an error, the newest state, or an older one that is noticed") {
    CAPTURE(seed);
    const TemporaryFolder folder;
    const std::string path = folder.file("store"), crashed = folder.file("crashed");
    const Script script(seed, 8, 1500);
    {
        auto store = open(path);
        REQUIRE(store);
        for (std::size_t n = 0; n < script.commits.size(); ++n) REQUIRE(script.run(store->sealed, n));
        copy_in_use(path, crashed);
    }
    const std::string genuine = contents(crashed), log = contents(crashed + "-wal");
    REQUIRE(log.size() > 8 * 4096);
    SeededRandom random(seed);
    int newest = 0, noticed = 0, refused = 0, wrong = 0;
    for (int n = 0; n < 2'000; ++n) {
        if (n % 4 == 0) {
            write_file(crashed + "-wal", log.substr(0, random.below(log.size())));
        } else {
            if (n % 4 == 1) write_file(crashed + "-wal", log);
            const std::size_t place = random.below(log.size());
            change_byte(crashed + "-wal", place, static_cast<char>(1 + random.below(255)));
        }
        auto store = open(crashed);
        const auto found = store ? all_of(store->sealed) : Result<Contents>(Failure(store.error()));
        if (!found) {
            ++refused;
            wrong += contents(crashed) != genuine;
        } else if (*found != script.contents[store->sealed.generation()]) {
            ++wrong;
        } else if (store->sealed.generation() == script.commits.size()) {
            ++newest;
        } else {
            ++(store->sealed.rolled_back() ? noticed : wrong);
        }
    }
    CHECK(wrong == 0);
    CHECK(noticed > 500);
    MESSAGE(newest, " newest, ", noticed, " older and noticed, ", refused, " refused");
}

#endif
