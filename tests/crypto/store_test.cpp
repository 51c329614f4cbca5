#include "sotto/store.h"

#include <doctest/doctest.h>

#include "crypto/store_key.h"
#include "sotto/identity.h"
#include "support/mutate.h"
#include "support/sealed_store.h"

using namespace sotto;
using namespace sotto::test;
using crypto::SealedStore;
using Failing = FailingStore::Failing;

TEST_CASE("what was committed is there when the store is opened again, and what was erased is not") {
    MemoryStore memory;
    const Script script(1, 60, 200);
    {
        auto store = open_sealed(memory);
        REQUIRE(store);
        for (std::size_t n = 0; n < script.commits.size(); ++n) REQUIRE(script.run(*store, n));
    }
    auto store = open_sealed(memory);
    REQUIRE(store);
    CHECK_FALSE(store->rolled_back());
    CHECK(store->generation() == 60);
    CHECK(all_of(*store).value() == script.contents.back());
    CHECK(store->read("never written").value() == std::nullopt);
}

TEST_CASE("names are found by their beginning, and a name has 1 to 255 bytes") {
    MemoryStore memory;
    auto store = open_sealed(memory);
    REQUIRE(store);
    for (const char* const name : {"b/2", "a", "b/1", "b", "c"}) REQUIRE(put(*store, name, ""));
    CHECK(store->names("b/").value() == std::vector<std::string>{"b/1", "b/2"});
    CHECK(store->names("d").value().empty());
    CHECK(put(*store, std::string(255, 'x'), "long").has_value());
    CHECK(put(*store, std::string(256, 'x'), "").error() == Error::invalid_argument);
    CHECK(put(*store, "", "").error() == Error::invalid_argument);
    CHECK(text_of(*store, std::string(255, 'x')) == "long");
    CHECK(text_of(*store, "a").empty());
}

TEST_CASE("what a store is given tells neither names nor values, and nothing in it is alike in two stores of one key") {
    MemoryStore one, two;
    for (MemoryStore* const memory : {&one, &two}) {
        auto store = open_sealed(*memory);
        REQUIRE(store);
        REQUIRE(put(*store, "session/of somebody", "a secret state"));
    }
    const auto all = one.names("").value();
    CHECK(all.size() == 3);
    for (const auto& name : all) {
        CHECK(name.find("somebody") == std::string::npos);
        const Buffer bytes = record(one, name);
        for (const std::string_view text : {"somebody", "secret"}) {
            CHECK(std::ranges::search(bytes, as_bytes(text)).empty());
        }
    }
    CHECK(only_record(one) != only_record(two));
    overwrite(two, only_record(two), record(one, only_record(one)));
    CHECK(open_sealed(two)->read("session/of somebody").error() == Error::damaged_store);
}

TEST_CASE("no nonce and no generation is used twice, through failures, restarts and older copies put back") {
    // Every sealed record that ever left, by its nonce; every generation, by the head that it was used for.
    class Watching final : public PassingStore {
      public:
        using PassingStore::PassingStore;
        Result<void> commit(std::span<const Change> changes) override {
            for (const auto& change : changes) {
                if (!change.value || change.name == "header") continue;
                const auto parsed = crypto::parse_record(*change.value).value();
                repeated = repeated || !nonces.insert(to_hex(parsed.nonce)).second;
                if (change.name != "head") continue;
                repeated = repeated || !heads.emplace(parsed.generation, to_buffer(parsed.sealed)).second;
            }
            return inner_.commit(changes);
        }
        std::set<std::string> nonces;
        std::map<std::uint64_t, Buffer> heads;
        bool repeated = false;
    };
    constexpr std::uint64_t seed = 5;
    CAPTURE(seed);
    SeededRandom random(seed);
    MemoryStore memory, old;
    FailingStore failing(memory);
    Watching watching(failing);
    const Script script(seed, 400, 40);
    auto store = open_sealed(watching);
    for (std::size_t n = 0; n < script.commits.size(); ++n) {
        if (n == 0 || random.chance(0.1)) old = memory;
        if (random.chance(0.05)) {  // the records of an older copy, and the newest anchor or none that counts
            const auto anchor = memory.read_anchor().value().value();
            memory = old;
            REQUIRE(memory.write_anchor(random.chance(0.8) ? Bytes(anchor) : as_bytes("lost")));
            store = open_sealed(watching);
        }
        if (random.chance(0.1)) store = open_sealed(watching);
        REQUIRE(store);
        failing.failing = static_cast<Failing>(random.chance(0.2) ? random.below(4) : 0);
        const bool fails = failing.failing != Failing::nowhere;
        CHECK(script.run(*store, n).has_value() == !fails);
        failing.failing = Failing::nowhere;
        if (fails) REQUIRE(script.run(*store, n));
    }
    CHECK_FALSE(watching.repeated);
    CHECK(watching.heads.size() > 400);
    CHECK(watching.nonces.size() > 2 * watching.heads.size());
}

TEST_CASE("after a commit that failed the store goes on from whichever state was written") {
    for (const Failing at : {Failing::before, Failing::after, Failing::at_anchor}) {
        CAPTURE(static_cast<int>(at));
        MemoryStore memory;
        FailingStore failing(memory);
        auto store = open_sealed(failing);
        REQUIRE(store);
        REQUIRE(put(*store, "state", "before"));
        failing.failing = at;
        CHECK(put(*store, "state", "after").error() == Error::io_failed);
        failing.failing = Failing::nowhere;
        CHECK(text_of(*store, "state") == (at == Failing::before ? "before" : "after"));
        CHECK(put(*store, "other", "more").has_value());
        auto again = open_sealed(memory);
        REQUIRE(again);
        CHECK_FALSE(again->rolled_back());
        CHECK(text_of(*again, "state") == (at == Failing::before ? "before" : "after"));
        CHECK(text_of(*again, "other") == "more");
    }
}

TEST_CASE(
    "an older copy put back is noticed until something is committed, and a lost or foreign anchor counts as one") {
    MemoryStore memory;
    auto store = open_sealed(memory);
    REQUIRE(store);
    REQUIRE(put(*store, "state", "old"));
    const MemoryStore old = memory;
    REQUIRE(put(*store, "state", "new"));
    REQUIRE(put(*store, "state", "newest"));
    const Buffer anchor = *memory.read_anchor().value();

    MemoryStore put_back = old;
    REQUIRE(put_back.write_anchor(anchor));
    for (int times = 0; times < 2; ++times) {
        auto opened = open_sealed(put_back);
        REQUIRE(opened);
        CHECK(opened->rolled_back());
        CHECK(text_of(*opened, "state") == "old");
    }
    auto answered = open_sealed(put_back);
    REQUIRE(put(*answered, "state", "anew"));
    CHECK_FALSE(answered->rolled_back());
    CHECK(answered->generation() > store->generation());
    CHECK_FALSE(open_sealed(put_back)->rolled_back());

    MemoryStore another;
    REQUIRE(open_sealed(another));
    for (const Buffer& wrong : {Buffer{}, *another.read_anchor().value()}) {
        MemoryStore with_wrong = memory;
        REQUIRE(with_wrong.write_anchor(wrong));
        CHECK(open_sealed(with_wrong)->rolled_back());
    }
    Buffer changed = anchor;
    for (std::size_t place = 0; place < changed.size(); ++place) {
        changed[place] ^= std::byte{1};
        MemoryStore with_changed = memory;
        REQUIRE(with_changed.write_anchor(changed));
        CHECK(open_sealed(with_changed)->rolled_back());
        changed[place] ^= std::byte{1};
    }
    MemoryStore begun_again;  // the records are gone altogether
    REQUIRE(begun_again.write_anchor(anchor));
    CHECK(open_sealed(begun_again)->rolled_back());
}

TEST_CASE("an anchor that a crash left one behind is brought up to date, and a copy put back after that is noticed") {
    MemoryStore memory;
    FailingStore failing(memory);
    auto store = open_sealed(failing);
    REQUIRE(store);
    const MemoryStore old = memory;
    failing.failing = Failing::at_anchor;
    CHECK(put(*store, "state", "new").error() == Error::io_failed);
    CHECK_FALSE(open_sealed(memory)->rolled_back());
    MemoryStore put_back = old;
    REQUIRE(put_back.write_anchor(*memory.read_anchor().value()));
    auto opened = open_sealed(put_back);
    REQUIRE(opened);
    CHECK(opened->rolled_back());
}

TEST_CASE("a store stopped while it was founded is founded, or opens, without an alarm") {
    MemoryStore memory;
    FailingStore failing(memory);
    for (const Failing at : {Failing::before, Failing::at_anchor}) {
        failing.failing = at;
        CHECK(open_sealed(failing).error() == Error::io_failed);
        auto store = open_sealed(memory);
        REQUIRE(store);
        CHECK_FALSE(store->rolled_back());
        CHECK(store->generation() == 0);
        memory = {};
    }
}

TEST_CASE("another key and another's records are foreign, and a later version is named as such") {
    MemoryStore memory;
    auto store = open_sealed(memory, 1);
    REQUIRE(store);
    REQUIRE(put(*store, "state", "kept"));
    CHECK(open_sealed(memory, 2).error() == Error::foreign_store);

    MemoryStore others;
    overwrite(others, "recipe", to_buffer(as_bytes("two eggs")));
    CHECK(open_sealed(others).error() == Error::foreign_store);
    CHECK(others.names("").value() == std::vector<std::string>{"recipe"});

    const Buffer header = record(memory, "header");
    for (std::size_t place = 0; place < header.size(); ++place) {
        MemoryStore changed = memory;
        Buffer bytes = header;
        bytes[place] ^= std::byte{0x20};
        overwrite(changed, "header", bytes);
        CHECK(open_sealed(changed).error() == (place == 11 ? Error::unsupported_version : Error::foreign_store));
        bytes.resize(place);
        overwrite(changed, "header", bytes);
        CHECK(open_sealed(changed).error() == Error::foreign_store);
    }
    CHECK(text_of(*open_sealed(memory), "state") == "kept");
}

TEST_CASE("a missing record, or one of an earlier commit among later ones, is damage") {
    MemoryStore memory;
    auto store = open_sealed(memory);
    REQUIRE(store);
    REQUIRE(put(*store, "state", "old"));
    const std::string name = only_record(memory);
    const Buffer old = record(memory, name);
    REQUIRE(put(*store, "state", "new"));
    for (const auto& missing : {std::string("header"), std::string("head"), name}) {
        CAPTURE(missing);
        MemoryStore without = memory;
        overwrite(without, missing, std::nullopt);
        CHECK(open_sealed(without).error() == Error::damaged_store);
    }
    overwrite(memory, name, old);
    CHECK(open_sealed(memory)->read("state").error() == Error::damaged_store);
}

TEST_CASE("a store under a client's own key is not one of a passphrase") {
    MemoryStore memory;
    REQUIRE(open_sealed(memory));
    CHECK(store_key_from_passphrase("any", memory).error() == Error::foreign_store);
}

TEST_CASE("a passphrase in another case is another key") {
    const crypto::PassphraseCost cheap{.passes = 2, .memory = 64 << 10, .salt = {}};
    const auto key = crypto::stretch("pass", cheap), other_case = crypto::stretch("Pass", cheap);
    REQUIRE(key);
    REQUIRE(other_case);
    CHECK_FALSE(std::ranges::equal(key->reveal(), other_case->reveal()));
}

TEST_CASE("the cost of a passphrase is read back as written, unless it would fill the machine or is a bargain") {
    constexpr std::uint64_t memory_now = 256 << 20;
    crypto::PassphraseCost cost{.passes = 3, .memory = memory_now};
    cost.salt.fill(std::byte{7});
    const Buffer record = crypto::write_cost(cost);
    CHECK(crypto::parse_cost(record) == cost);
    for (std::size_t size = 0; size < record.size(); ++size) {
        CHECK(crypto::parse_cost(Bytes(record).first(size)).error() == Error::damaged_store);
    }
    for (const auto& [passes, memory] : {std::pair<std::uint64_t, std::uint64_t>{2, memory_now},
                                         {65, memory_now},
                                         {3, (std::uint64_t{1} << 30) + 1},
                                         {3, memory_now - 1}}) {
        cost.passes = passes;
        cost.memory = memory;
        CHECK(crypto::parse_cost(crypto::write_cost(cost)).error() == Error::damaged_store);
    }
    Buffer later = record;
    later[0] = std::byte{2};
    CHECK(crypto::parse_cost(later).error() == Error::unsupported_version);
}
