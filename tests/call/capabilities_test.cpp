// The table of capabilities by itself: given, revoked, held, stored.
#include "call/capabilities.h"

#include <doctest/doctest.h>

#include "support/mutate.h"
#include "support/random.h"

using namespace sotto;
using namespace sotto::call;

namespace {

PublicIdentity person(std::size_t n) {
    PublicIdentity made;
    for (std::size_t i = 0; i < 4; ++i) made.key[i] = static_cast<std::byte>(n >> (8 * i));
    return made;
}
PeerDevice device(std::size_t n) { return {person(n), DeviceKey{{std::byte{9}}}}; }

using Token = std::array<std::byte, 32>;
constexpr Token token(int n) { return {static_cast<std::byte>(n), std::byte{1}}; }

Token copied(crypto::CapabilityView view) {
    Token copy{};
    std::ranges::copy(view, copy.begin());
    return copy;
}

// Two live ones, one revoked, two held.
Buffer stored() {
    test::SeededRandom random(4);
    Capabilities table;
    for (const std::size_t n : {1U, 2U, 3U}) REQUIRE(table.give(person(n), random));
    REQUIRE(table.revoke(person(2)));
    REQUIRE(table.take(device(1), 5, token(1)));
    REQUIRE(table.take(device(2), 1, token(2)));
    return to_buffer(table.encode().reveal());
}

}  // namespace

TEST_CASE("a capability is one person's until it is revoked, and then another's of that person") {
    test::SeededRandom random(1);
    Capabilities table;
    CHECK(table.state(person(1)) == CapabilityState::none);
    CHECK_FALSE(table.revoke(person(1)));
    const auto given = table.give(person(1), random);
    REQUIRE(given);
    CHECK(given->number == 1);
    const Token first = copied(given->capability);
    CHECK(copied(table.give(person(1), random)->capability) == first);  // the same one again
    CHECK(table.give(person(1), random)->number == 1);
    const Token others = copied(table.give(person(2), random)->capability);
    CHECK(others != first);

    CHECK(table.state(person(1)) == CapabilityState::live);
    CHECK(table.state(person(1), first) == CapabilityState::live);
    CHECK(table.state(person(1), others) == CapabilityState::not_shown);
    CHECK(table.state(person(1), std::nullopt) == CapabilityState::not_shown);
    CHECK(table.state(person(3), first) == CapabilityState::none);

    CHECK(table.revoke(person(1)));
    CHECK_FALSE(table.revoke(person(1)));
    CHECK(table.state(person(1), first) == CapabilityState::revoked);
    const auto anew = table.give(person(1), random);
    CHECK(anew->number == 2);
    const Token second = copied(anew->capability);
    CHECK(second != first);
    CHECK(table.state(person(1), first) == CapabilityState::not_shown);
    CHECK(table.state(person(1), second) == CapabilityState::live);
    CHECK(table.state(person(2), others) == CapabilityState::live);
}

TEST_CASE("of what a device gave the one with the highest number is held, whatever comes again or late") {
    Capabilities table;
    CHECK(table.held(device(1)) == nullptr);
    CHECK(table.take(device(1), 2, token(2)) == true);
    CHECK(table.take(device(1), 2, token(2)) == false);
    CHECK(table.take(device(1), 1, token(1)).error() == Error::outdated);
    CHECK(crypto::same(*table.held(device(1)), token(2)));
    CHECK(table.take(device(1), 7, token(7)) == true);
    CHECK(table.take(device(1), 2, token(2)).error() == Error::outdated);
    CHECK(crypto::same(*table.held(device(1)), token(7)));
    CHECK(table.take(device(1), 7, token(8)) == true);  // its giver forgot that number: what comes last counts
    CHECK(crypto::same(*table.held(device(1)), token(8)));
    CHECK(table.held(device(2)) == nullptr);
    CHECK(table.holds_any(person(1)));
    CHECK_FALSE(table.holds_any(person(0)));  // its neighbours in the table
    CHECK_FALSE(table.holds_any(person(2)));
    table.forget_held([](const PeerDevice& of) { return of == device(1); });
    CHECK(table.held(device(1)) == nullptr);
    CHECK_FALSE(table.holds_any(person(1)));
}

TEST_CASE("hashes are those of the live ones, in an order that does not tell whose they are") {
    test::SeededRandom random(2);
    Capabilities table;
    std::vector<CapabilityHash> expected;
    for (std::size_t n = 0; n < 40; ++n) {
        const auto given = table.give(person(n), random);
        if (n % 4 == 0) {
            REQUIRE(table.revoke(person(n)));
        } else {
            expected.push_back(crypto::hash_of(crypto::copy_capability(given->capability)));
        }
    }
    CHECK_FALSE(std::ranges::is_sorted(expected));
    std::ranges::sort(expected);
    CHECK(table.hashes() == expected);
    CHECK(expected.size() == 30);
}

TEST_CASE("when an older copy comes back none is live, what was revoked stays so, and new ones have higher numbers") {
    test::SeededRandom random(3);
    Capabilities table;
    const Token first = copied(table.give(person(1), random)->capability);
    REQUIRE(table.give(person(2), random));
    REQUIRE(table.revoke(person(2)));
    table.withdraw_all();
    CHECK(table.state(person(1), first) == CapabilityState::none);
    CHECK(table.state(person(2)) == CapabilityState::revoked);
    CHECK(table.hashes().empty());
    for (const std::size_t n : {1U, 2U, 3U}) CHECK(table.give(person(n), random)->number > 65536);
    CHECK(copied(table.give(person(1), random)->capability) != first);
    auto again = Capabilities::restore(table.encode().reveal());
    REQUIRE(again);
    CHECK(again->give(person(4), random)->number > 65536);
}

TEST_CASE("given and held come back as they were, and only changes ask to be written") {
    test::SeededRandom random(5);
    const Buffer bytes = stored();
    auto again = Capabilities::restore(bytes);
    REQUIRE(again);
    CHECK_FALSE(again->changed());
    CHECK(again->state(person(1)) == CapabilityState::live);
    CHECK(again->state(person(2)) == CapabilityState::revoked);
    CHECK(crypto::same(*again->held(device(2)), token(2)));
    CHECK(to_buffer(again->encode().reveal()) == bytes);
    REQUIRE(again->give(person(1), random));
    CHECK_FALSE(again->changed());
    CHECK(again->take(device(1), 5, token(1)) == false);
    CHECK_FALSE(again->changed());
    CHECK(again->give(person(2), random)->number == 2);
    CHECK(again->changed());
    CHECK_FALSE(Capabilities().changed());
}

TEST_CASE("stored capabilities that are cut, lengthened, of another version or out of order are refused by name") {
    const Buffer bytes = stored();
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        CHECK(Capabilities::restore(Bytes(bytes).first(size)).error() == Error::truncated);
    }
    const auto with = [&](std::size_t at, int value) {
        Buffer other = bytes;
        other[at] = static_cast<std::byte>(value);
        return Capabilities::restore(other).error();
    };
    Buffer longer = bytes;
    longer.push_back(std::byte{0});
    CHECK(Capabilities::restore(longer).error() == Error::malformed);
    CHECK(with(0, 2) == Error::unsupported_version);
    CHECK(with(5, 1) == Error::malformed);           // more than may be
    CHECK(with(9, 3) == Error::malformed);           // the first person after the second
    CHECK(with(9 + 32 + 3, 0) == Error::malformed);  // number
    CHECK(with(9 + 32 + 4, 2) == Error::malformed);  // neither live nor revoked
    test::SeededRandom random(6);
    int read = 0;
    for (int i = 0; i < 5000; ++i) {
        const Buffer other = test::flipped(bytes, random);
        auto restored = Capabilities::restore(other);
        if (!restored) continue;
        ++read;
        CHECK(to_buffer(restored->encode().reveal()) == other);
    }
    CHECK(read > 100);
}

TEST_CASE("no more than 65,536 of either kind are kept, and no person is given more than 2^32 - 1") {
    test::SeededRandom random(7);
    Capabilities table;
    for (std::size_t n = 0; n < Capabilities::max_entries; ++n) {
        if (!table.give(person(n), random) || !table.take(device(n), 1, token(1))) FAIL("refused too early");
    }
    CHECK(table.give(person(70000), random).error() == Error::too_large);
    CHECK(table.take(device(70000), 1, token(1)).error() == Error::too_large);
    CHECK(table.give(person(5), random));
    CHECK(table.take(device(5), 2, token(2)) == true);

    Capabilities last;
    REQUIRE(last.give(person(1), random));
    REQUIRE(last.revoke(person(1)));
    Buffer bytes = to_buffer(last.encode().reveal());
    std::fill_n(bytes.begin() + 9 + 32, 4, std::byte{0xff});
    auto restored = Capabilities::restore(bytes);
    REQUIRE(restored);
    CHECK(restored->give(person(1), random).error() == Error::key_exhausted);
    restored->withdraw_all();  // does not wrap
    CHECK(restored->give(person(2), random).error() == Error::key_exhausted);
}
