#include "call/ledger.h"

#include <doctest/doctest.h>

#include "base/byte_reader.h"
#include "base/byte_writer.h"
#include "sotto/store_sqlite.h"
#include "support/killed.h"
#include "support/store.h"
#include "support/temporary_folder.h"

using namespace sotto;
using namespace sotto::test;
using call::Entry;
using call::Ledger;
using call::SessionEntry;
using Failing = FailingStore::Failing;

namespace {

Result<Ledger> open(Store& store) { return Ledger::open(store, store_key(1), system_random()); }

SessionEntry session_with(std::uint8_t device, std::uint32_t number) {
    SessionEntry session{.device = {}, .number = number};
    session.device.fill(std::byte{device});
    return session;
}

std::string text_of(Ledger& ledger, const auto& entry) {
    const auto value = ledger.get(entry);
    REQUIRE(value);
    if (!*value) return "nothing";
    const Bytes bytes = (*value)->reveal();
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

TEST_CASE("what is put is seen at once, and is there after a restart once it was committed") {
    MemoryStore memory;
    const SessionEntry first = session_with(1, 0), second = session_with(1, 4294967295), other = session_with(9, 7);
    {
        auto ledger = open(memory);
        REQUIRE(ledger);
        ledger->put(Entry::identity, secret("seed"));
        ledger->put(Entry::prekeys, secret("prekeys"));
        ledger->put(other, secret("theirs"));
        ledger->put(second, secret("2"));
        ledger->put(first, secret("1"));
        CHECK(text_of(*ledger, first) == "1");
        REQUIRE(ledger->commit());
        ledger->erase(second);
        ledger->put(first, secret("1, later"));
        CHECK(ledger->sessions().value() == std::vector{first, other});
        CHECK(text_of(*ledger, second) == "nothing");
        CHECK(text_of(*ledger, first) == "1, later");
        // Never committed: gone with the process.
    }
    auto ledger = open(memory);
    REQUIRE(ledger);
    CHECK_FALSE(ledger->rolled_back());
    CHECK(ledger->sessions().value() == std::vector{first, second, other});
    CHECK(text_of(*ledger, first) == "1");
    CHECK(text_of(*ledger, Entry::identity) == "seed");
    CHECK(text_of(*ledger, Entry::contacts) == "nothing");
}

TEST_CASE("no two entries share a record") {
    MemoryStore memory;
    auto ledger = open(memory);
    REQUIRE(ledger);
    constexpr std::array entries{Entry::identity, Entry::device, Entry::prekeys, Entry::contacts, Entry::devices};
    for (const Entry entry : entries) ledger->put(entry, secret(std::to_string(static_cast<int>(entry))));
    REQUIRE(ledger->commit());
    for (const Entry entry : entries) CHECK(text_of(*ledger, entry) == std::to_string(static_cast<int>(entry)));
}

TEST_CASE("what a failed commit left pending goes with the next one") {
    for (const Failing at : {Failing::before, Failing::after, Failing::at_anchor}) {
        CAPTURE(static_cast<int>(at));
        MemoryStore memory;
        FailingStore failing(memory);
        auto ledger = open(failing);
        REQUIRE(ledger);
        ledger->put(session_with(1, 1), secret("first"));
        failing.failing = at;
        CHECK(ledger->commit().error() == Error::io_failed);
        CHECK(text_of(*ledger, session_with(1, 1)) == "first");
        failing.failing = Failing::nowhere;
        ledger->put(Entry::contacts, secret("a friend"));
        REQUIRE(ledger->commit());
        auto again = open(memory);
        REQUIRE(again);
        CHECK(text_of(*again, session_with(1, 1)) == "first");
        CHECK(text_of(*again, Entry::contacts) == "a friend");
    }
}

TEST_CASE("an older copy put back loses its sessions and prekeys before anybody can use them, and nothing else") {
    MemoryStore memory;
    auto before = open(memory);
    REQUIRE(before);
    before->put(Entry::identity, secret("seed"));
    before->put(Entry::prekeys, secret("prekeys"));
    before->put(session_with(1, 1), secret("old"));
    REQUIRE(before->commit());
    MemoryStore put_back = memory;
    before->put(session_with(1, 1), secret("new"));
    REQUIRE(before->commit());
    REQUIRE(put_back.write_anchor(*memory.read_anchor().value()));

    FailingStore failing(put_back);  // as long as that can't be written, the copy stays closed
    failing.failing = Failing::before;
    CHECK(open(failing).error() == Error::io_failed);
    failing.failing = Failing::at_anchor;
    CHECK(open(failing).error() == Error::io_failed);

    auto after = open(put_back);
    REQUIRE(after);
    CHECK(after->rolled_back());
    CHECK(after->sessions().value().empty());
    CHECK(text_of(*after, Entry::prekeys) == "nothing");
    CHECK(text_of(*after, Entry::identity) == "seed");
    after->put(Entry::prekeys, secret("new ones"));
    CHECK(open(put_back)->rolled_back());  // told again until there are new prekeys
    REQUIRE(after->commit());
    auto later = open(put_back);
    REQUIRE(later);
    CHECK_FALSE(later->rolled_back());
    CHECK(later->sessions().value().empty());
    CHECK(text_of(*later, Entry::prekeys) == "new ones");
}

#ifdef SOTTO_SQLITE

namespace {

constexpr int messages = 12;

// Seals messages by number as a session does, and keeps its state before each may leave: to send is to tell it.
void send_messages(const std::string& path, Fuse& fuse, const std::function<void(std::uint8_t)>& send) {
    const auto file = open_sqlite_store(path);
    if (!file) std::abort();
    auto ledger = Ledger::open(**file, store_key(1), system_random());
    if (!ledger || ledger->rolled_back()) std::abort();
    const SessionEntry session = session_with(3, 1);
    const auto kept = ledger->get(session);
    if (!kept) std::abort();
    std::uint32_t number = *kept ? ByteReader((*kept)->reveal()).u32().value() : 0;
    while (number < messages) {
        fuse.step();
        SecretBuffer next(4);
        ByteWriter(next.fill()).u32(number + 1);
        ledger->put(session, std::move(next));
        fuse.step();
        if (!ledger->commit()) std::abort();
        fuse.step();
        send(static_cast<std::uint8_t>(number++));
    }
}

}  // namespace

TEST_CASE("a process that is killed again and again, at any step, never sends a message number twice") {
    constexpr std::uint64_t seed = 31;
    CAPTURE(seed);
    SeededRandom random(seed);
    int kills = 0;
    std::size_t sent_in_all = 0;
    for (int round = 0; round < 6; ++round) {
        const TemporaryFolder folder;
        std::vector<std::byte> sent;
        for (bool done = false; !done;) {
            const int at = static_cast<int>(random.below(8));
            const Remains remains = run_apart([&](const auto& send) {
                Fuse fuse(at);
                send_messages(folder.file("store"), fuse, send);
            });
            sent.insert(sent.end(), remains.said.begin(), remains.said.end());
            kills += remains.killed;
            done = !remains.killed;
        }
        for (std::size_t n = 1; n < sent.size(); ++n) CHECK(sent[n - 1] < sent[n]);
        sent_in_all += sent.size();
    }
    CHECK(kills > 20);
    CHECK(sent_in_all > 20);
}

#endif
