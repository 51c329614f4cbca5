// What was stored, changed at random, as sessions and as sealed records; and the price of a passphrase.
#include <doctest/doctest.h>

#include "crypto/session.h"
#include "crypto/store_key.h"
#include "sotto/store.h"
#include "support/mutate.h"
#include "support/sealed_store.h"
#include "support/session_records.h"

using namespace sotto;
using namespace sotto::test;
using crypto::SealedStore;
using crypto::Session;
using crypto::Step;

namespace {

constexpr int mutations = 200'000 / mutations_share;  // of sessions' records

}  // namespace

TEST_CASE("of many changed records each is refused by name, or is a session that refuses and seals") {
    constexpr std::uint64_t seed = 81;
    CAPTURE(seed);
    SessionPair pair(seed);
    const std::vector<Buffer> all = records(pair);
    const Buffer message = send(pair.alice(), "genuine").message;
    SeededRandom random(seed + 1), sealing(seed + 2);
    int refused = 0, accepted = 0;
    for (int i = 0; i < mutations; ++i) {
        const Buffer& genuine = all[random.below(all.size())];
        Buffer changed = flipped(genuine, random);
        if (random.chance(0.1)) changed.resize(random.below(changed.size()));
        // Counts and flags are few bytes among many: aim at the start and the end, too.
        if (random.chance(0.3)) changed = with_flipped_byte(genuine, random.below(2));
        if (random.chance(0.3)) {
            changed = genuine;
            changed[changed.size() - 1 - random.below(700)] ^= static_cast<std::byte>(1 + random.below(255));
        }
        auto session = Session::restore(changed, sealing);
        if (!session) {
            ++refused;
            REQUIRE((session.error() == Error::truncated || session.error() == Error::malformed ||
                     session.error() == Error::unsupported_version));
            continue;
        }
        ++accepted;
        REQUIRE(saved(*session) == changed);
        static_cast<void>(session->open(message));
        if (accepted % 16 != 0) continue;
        const auto sealed = session->seal(as_bytes("text"), Step::fresh);
        if (!sealed) REQUIRE((sealed.error() == Error::unknown_session || sealed.error() == Error::bad_key));
    }
    CHECK(refused > mutations / 10);
    CHECK(accepted > mutations / 10);
}

TEST_CASE("many changed records of a store, heads among them, are refused as damaged") {
    constexpr std::uint64_t seed = 7;
    CAPTURE(seed);
    SeededRandom random(seed);
    MemoryStore memory;
    auto store = open_sealed(memory);
    REQUIRE(store);
    REQUIRE(put(*store, "state", "what must not be read wrongly"));
    const std::string name = only_record(memory);
    const Buffer sealed = record(memory, name), head = record(memory, "head");
    const auto changed = [&](const Buffer& genuine) {
        Buffer bytes = flipped(genuine, random);
        if (random.chance(0.1)) bytes.resize(random.below(genuine.size()));
        if (random.chance(0.1)) bytes.resize(genuine.size() + 1 + random.below(40));
        return bytes;
    };
    constexpr int heads = 40'000 / mutations_share;
    int refused = 0;
    for (int n = 0; n < 9 * heads; ++n) {
        overwrite(memory, name, changed(sealed));
        const auto read = store->read("state");
        refused += !read && read.error() == Error::damaged_store;
    }
    overwrite(memory, name, sealed);
    for (int n = 0; n < heads; ++n) {
        overwrite(memory, "head", changed(head));
        const auto opened = open_sealed(memory);
        refused += !opened && opened.error() == Error::damaged_store;
    }
    CHECK(refused == 10 * heads);
    overwrite(memory, "head", head);
    CHECK(text_of(*open_sealed(memory), "state") == "what must not be read wrongly");
}

TEST_CASE("a passphrase opens its store and no other does, and its salt is drawn once") {
    MemoryStore memory;
    const auto key = store_key_from_passphrase("a long sentence", memory);
    REQUIRE(key);
    REQUIRE(SealedStore::open(memory, *key, system_random()));
    const auto again = store_key_from_passphrase("a long sentence", memory);
    REQUIRE(again);
    CHECK(SealedStore::open(memory, *again, system_random()).has_value());
    const auto wrong = store_key_from_passphrase("a long sentence.", memory);
    REQUIRE(wrong);
    CHECK(SealedStore::open(memory, *wrong, system_random()).error() == Error::foreign_store);
    const auto cost = crypto::parse_cost(record(memory, "passphrase"));
    REQUIRE(cost);
    CHECK(cost->memory == 256 << 20);
    CHECK(cost->salt != std::array<std::byte, 16>{});
}
