// What a call writes to the developer's key log.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>

#include "interop/logged_key.h"
#include "sim/two_party.h"
#include "support/key_log_file.h"

using namespace sotto;
using namespace sotto::test;

TEST_CASE("a call logs its first six keys, the same on both sides, then those to come, and nobody else's") {
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

    std::vector<std::string> ours, theirs = callees.lines();
    std::set<std::uint32_t> streams, streams_to_come;
    std::set<Buffer> keys;
    for (const std::string& line : callers.lines()) {
        CAPTURE(line);
        const auto logged = parse_logged_key(line);
        REQUIRE(logged);
        CHECK(logged->call == to_hex(world.caller.call->id().bytes));
        REQUIRE(logged->epoch <= 1);
        if (logged->epoch == 0) ours.push_back(line);
        (logged->epoch == 0 ? streams : streams_to_come).insert(logged->ssrc);
        keys.insert(logged->key);
    }
    CHECK(ours.size() == 6);
    std::ranges::sort(ours);
    std::ranges::sort(theirs);
    CHECK(ours == theirs);
    CHECK(streams.size() == 6);
    CHECK(streams_to_come == streams);  // each side holds what the other will send under
    CHECK(keys.size() == 12);
}

TEST_CASE("later epochs and generations are logged as they are derived, by 65536 g + e, alike on both sides") {
    if (!key_log_is_built_in) {
        MESSAGE("skipped: built without SOTTO_KEYLOG");
        return;
    }
    const CallSettings sound_only{.video = false};
    const KeyLogFile log;
    TwoParty world(3);
    world.connect(sound_only);
    world.talk(std::chrono::seconds(61), sound_only);
    REQUIRE(world.caller.call->rekey());
    world.talk(std::chrono::seconds(1), sound_only);

    std::map<std::pair<std::uint32_t, std::uint32_t>, std::multiset<Buffer>> keys;  // by stream and epoch
    for (const std::string& line : log.lines()) {
        const auto logged = parse_logged_key(line);
        REQUIRE(logged);
        keys[{logged->ssrc, logged->epoch}].insert(logged->key);
    }
    std::map<std::uint32_t, int> both_sides;
    for (const auto& [of, logged] : keys) {
        CAPTURE(of.second);
        REQUIRE(logged.size() <= 2);
        if (logged.size() == 1) continue;  // to come
        CHECK(*logged.begin() == *logged.rbegin());
        ++both_sides[of.second];
    }
    CHECK(both_sides == std::map<std::uint32_t, int>{{0, 6}, {1, 6}, {65536, 6}});
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
