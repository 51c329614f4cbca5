// What an account keeps of its policy, and whose calls it lists.
#include "call/doorkeeper.h"

#include <doctest/doctest.h>

#include "support/mutate.h"

using namespace sotto;
using namespace sotto::call;
using namespace std::chrono_literals;

namespace {

PublicIdentity person(int n) {
    PublicIdentity made;
    made.key[0] = static_cast<std::byte>(n);
    made.key[1] = static_cast<std::byte>(n >> 8);
    return made;
}

CallPolicy everything_said() {
    CallPolicy policy{.who = WhoMayRing::verified_accounts, .silence_strangers = true};
    policy.exceptions = {{person(1), Exception::allow}, {person(2), Exception::block}};
    policy.quiet_hours = {.from = 1320, .until = 420};
    policy.limits = {.per_caller = 1, .strangers = 2, .in_all = 3, .window = 4s};
    return policy;
}

Buffer stored() {
    Doorkeeper keeper;
    REQUIRE(keeper.set_policy(everything_said()));
    REQUIRE(keeper.set_relationship(person(3), {.followed = true}));
    REQUIRE(
        keeper.set_relationship(person(4), {.follows_us = true, .verified_account = true, .request_pending = true}));
    return keeper.encode();
}

}  // namespace

TEST_CASE("what was said about ringing comes back as it was, and only changes ask to be written") {
    auto again = Doorkeeper::restore(stored());
    REQUIRE(again);
    CHECK_FALSE(again->changed());
    CHECK(again->policy() == everything_said());
    const Contacts nobody{PublicIdentity{}};
    CHECK(again->relationship(person(3), nobody) == Relationship{.followed = true});
    CHECK(again->relationship(person(4), nobody) ==
          Relationship{.follows_us = true, .verified_account = true, .request_pending = true});
    CHECK(again->encode() == stored());
    static_cast<void>(again->answer(person(9), nobody, {}));
    CHECK_FALSE(again->changed());
    REQUIRE(again->set_policy({}));
    CHECK(again->changed());
}

TEST_CASE("a stored policy that is cut, lengthened, of another version, unordered or out of range is refused by name") {
    const Buffer bytes = stored();
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        CHECK(Doorkeeper::restore(Bytes(bytes).first(size)).error() == Error::truncated);
    }
    const auto with = [&](std::size_t at, int value) {
        Buffer other = bytes;
        other[at] = static_cast<std::byte>(value);
        return Doorkeeper::restore(other).error();
    };
    Buffer longer = bytes;
    longer.push_back(std::byte{0});
    CHECK(Doorkeeper::restore(longer).error() == Error::malformed);
    CHECK(with(0, 2) == Error::unsupported_version);
    CHECK(with(1, 5) == Error::malformed);        // who
    CHECK(with(2, 2) == Error::malformed);        // flags
    CHECK(with(3, 0xff) == Error::malformed);     // quiet from
    CHECK(with(9, 65) == Error::malformed);       // in all
    CHECK(with(10, 1) == Error::malformed);       // window
    CHECK(with(14, 1) == Error::malformed);       // more exceptions than may be
    CHECK(with(18, 2) == Error::malformed);       // the same person twice
    CHECK(with(18 + 32, 2) == Error::malformed);  // the exception itself
    const std::size_t people = 18 + 2 * 33 + 4;
    CHECK(with(people + 32, 0) == Error::malformed);
    CHECK(with(people + 32, 16) == Error::malformed);
}

TEST_CASE("a stored policy survives any bit flipped: it is refused, or encodes to what it was read from") {
    test::SeededRandom random(3);
    const Buffer bytes = stored();
    int read = 0;
    for (int i = 0; i < 5000; ++i) {
        const Buffer other = test::flipped(bytes, random);
        auto restored = Doorkeeper::restore(other);
        if (!restored) continue;
        ++read;
        CHECK(restored->encode() == other);
    }
    CHECK(read > 100);
}

TEST_CASE("no more than 65,536 people are known, and a person of whom nothing is known any more makes room") {
    Doorkeeper keeper;
    const auto number = [](std::size_t n) {
        PublicIdentity made;
        for (std::size_t i = 0; i < 4; ++i) made.key[i] = static_cast<std::byte>(n >> (8 * i));
        return made;
    };
    for (std::size_t n = 0; n < Doorkeeper::max_people; ++n) {
        if (!keeper.set_relationship(number(n), {.followed = true})) FAIL("refused too early");
    }
    CHECK(keeper.set_relationship(number(70000), {.followed = true}).error() == Error::too_large);
    CHECK(keeper.set_relationship(number(3), {.follows_us = true}));
    CHECK(keeper.set_relationship(number(4), {}));
    CHECK(keeper.set_relationship(number(70000), {.followed = true}));
    CHECK(Doorkeeper::restore(keeper.encode()));
}

TEST_CASE("what is silenced is listed once a person, the newest last, and what is refused is only counted") {
    Doorkeeper keeper;
    const Contacts nobody{PublicIdentity{}};
    const Instant now{5s};
    static_cast<void>(keeper.answer(person(1), nobody, now));
    CHECK(keeper.silenced().empty());
    CHECK(keeper.decisions()[Reason::not_contact] == 1);
    CHECK(keeper.turns_away(person(1), nobody, now));
    CHECK(keeper.decisions()[Reason::not_contact] == 2);

    REQUIRE(keeper.set_policy({.silence_strangers = true}));
    CHECK_FALSE(keeper.turns_away(person(1), nobody, now));
    for (const int n : {1, 2, 1}) static_cast<void>(keeper.answer(person(n), nobody, now + std::chrono::seconds(n)));
    REQUIRE(keeper.silenced().size() == 2);
    CHECK(keeper.silenced()[0].caller == person(2));
    CHECK(keeper.silenced()[1] ==
          SilencedCall{.caller = person(1), .reason = Reason::not_contact, .at = now + 1s, .times = 2});
    for (int n = 10; n < 200; ++n) static_cast<void>(keeper.answer(person(n), nobody, now));
    CHECK(keeper.silenced().size() == Doorkeeper::max_silenced);
    CHECK(keeper.silenced().back().caller == person(199));
}
