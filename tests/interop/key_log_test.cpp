// What a call writes to the developer's key log.
#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "interop/logged_key.h"
#include "sim/two_party.h"
#include "support/key_log_file.h"

using namespace sotto;
using namespace sotto::test;

TEST_CASE("a call logs four keys, the same on both sides, and nobody else's") {
    if (!key_log_is_built_in) {
        MESSAGE("skipped: built without SOTTO_KEYLOG");
        return;
    }
    const KeyLogFile callees;
    TwoParty world(1);
    REQUIRE(world.dial());
    CHECK(callees.lines().empty());  // no keys before both have accepted
    REQUIRE(world.callee.call->accept({}, world.now));
    const KeyLogFile callers;  // from here on: the caller learns of the answer
    world.settle();
    REQUIRE(world.caller.active);
    callers.close();

    auto ours = callers.lines(), theirs = callees.lines();
    CHECK(ours.size() == 4);
    std::ranges::sort(ours);
    std::ranges::sort(theirs);
    CHECK(ours == theirs);
    std::set<std::uint32_t> streams;
    std::set<Buffer> keys;
    for (const std::string& line : ours) {
        CAPTURE(line);
        const auto logged = parse_logged_key(line);
        REQUIRE(logged);
        CHECK(logged->call == to_hex(world.caller.call->id().bytes));
        CHECK(logged->epoch == 0);
        streams.insert(logged->ssrc);
        keys.insert(logged->key);
    }
    CHECK(streams.size() == 4);
    CHECK(keys.size() == 4);
}

TEST_CASE("without the environment variable, or without SOTTO_KEYLOG, a call logs nothing") {
    const KeyLogFile log;
    if (key_log_is_built_in) log.close();
    TwoParty world(2);
    world.connect();
    CHECK(world.caller.active);
    CHECK(world.callee.active);
    CHECK_FALSE(std::filesystem::exists(log.path()));
}
