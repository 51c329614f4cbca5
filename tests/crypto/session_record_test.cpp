// Session::save() and restore(): what a record holds, what it can't do, and which records are refused.
#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>

#include "crypto/session.h"
#include "support/mutate.h"
#include "support/session_pair.h"
#include "support/session_records.h"

using namespace sotto;
using namespace sotto::crypto;
using namespace sotto::test;

namespace {

constexpr std::size_t flags_at = 1;

Session restored(Bytes record, Random& random) {
    auto session = Session::restore(record, random);
    REQUIRE(session);
    return std::move(*session);
}

Error refusal(Bytes record, Random& random) {
    const auto session = Session::restore(record, random);
    REQUIRE_FALSE(session);
    return session.error();
}

}  // namespace

TEST_CASE("a secret buffer is emptied by a move") {
    SecretBuffer first(3);
    std::ranges::copy(as_bytes("abc"), first.fill().begin());
    SecretBuffer second(std::move(first));
    CHECK(first.size() == 0);
    CHECK(to_buffer(second.reveal()) == to_buffer(as_bytes("abc")));
    first = std::move(second);
    CHECK(second.size() == 0);
    CHECK(to_buffer(first.reveal()) == to_buffer(as_bytes("abc")));
    static_assert(!std::is_copy_constructible_v<SecretBuffer> && !std::is_copy_assignable_v<SecretBuffer>);
}

TEST_CASE("a restored session writes the same record, has the same peer and the same counts") {
    SessionPair pair(71);
    SeededRandom random(72);
    for (const Buffer& record : records(pair)) CHECK(saved(restored(record, random)) == record);
    const Session copy = restored(saved(pair.bob()), random);
    CHECK(copy.peer() == pair.bob().peer());
    CHECK(copy.has_sealed() == pair.bob().has_sealed());
    CHECK(copy.skipped_held() == 5);  // four past chains and the present one lack one each
    CHECK(copy.skipped_held() == pair.bob().skipped_held());
    CHECK(copy.skipped_given_up() == pair.bob().skipped_given_up());
    CHECK(copy.sealed_unanswered() == pair.bob().sealed_unanswered());
}

TEST_CASE("a record without skipped keys has at most 8 KiB, in every state") {
    SessionPair pair(73);
    for (int turn = 0; turn < 24; ++turn) {
        CHECK(saved(pair.alice()).size() <= 8192);
        CHECK(saved(pair.bob()).size() <= 8192);
        arrives(*pair.sides[turn % 2], send(*pair.sides[(turn + 1) % 2], "step"));
    }
    CHECK(pair.bob().skipped_held() == 0);
}

TEST_CASE("a restored session opens what is late, what comes next and the peer's next step, and still knows replays") {
    SessionPair pair(74);
    arrives(pair.alice(), send(pair.bob(), "answer"));
    const InFlight late = send(pair.alice(), "late"), opened = send(pair.alice(), "in time");
    arrives(pair.bob(), opened);
    const InFlight next = send(pair.alice(), "next", Step::keep);
    const InFlight unheard = send(pair.bob(), "step");
    Session bob = restored(saved(pair.bob()), pair.random);
    refuses(bob, opened.message, Error::replayed);
    arrives(bob, late);
    arrives(bob, next);
    arrives(pair.alice(), unheard);
    arrives(bob, send(pair.alice(), "step"));
    refuses(bob, late.message, Error::replayed);
    arrives(pair.alice(), send(bob, "and back"));
}

TEST_CASE("a restored session whose chain was answered seals under a step, though nobody asked for one") {
    SessionPair pair(75);
    const InFlight overtaken = send(pair.alice(), "of the chain that is not kept");
    arrives(pair.alice(), send(pair.bob(), "answer"));
    Session alice = restored(saved(pair.alice()), pair.random);
    CHECK(alice.can_seal());
    CHECK(alice.sealed_unanswered() == 0);
    const InFlight first = send(alice, "first", Step::keep);
    CHECK(first.stepped);
    arrives(pair.bob(), first);
    arrives(pair.bob(), overtaken);  // PN counts the chain that is not kept
    CHECK_FALSE(send(alice, "second", Step::keep).stepped);
}

TEST_CASE("a restored session whose chain was not answered seals nothing until the peer has answered") {
    SessionPair pair(76);
    SUBCASE("the initiator's first chain") {
        Session alice = restored(saved(pair.alice()), pair.random);
        const Buffer before = saved(alice);
        for (const Step step : {Step::keep, Step::fresh}) {
            CHECK_FALSE(alice.can_seal());
            CHECK(alice.seal({}, step).error() == Error::unknown_session);
        }
        CHECK(saved(alice) == before);
        arrives(alice, send(pair.bob(), "answer"));
        arrives(pair.bob(), send(alice, "go on", Step::keep));
    }
    SUBCASE("any other") {
        const InFlight flight = send(pair.bob(), "step");
        Session bob = restored(saved(pair.bob()), pair.random);
        CHECK_FALSE(bob.can_seal());
        CHECK(bob.seal({}, Step::fresh).error() == Error::unknown_session);
        arrives(pair.alice(), flight);
        arrives(bob, send(pair.alice(), "step"));
        CHECK(bob.can_seal());
        arrives(pair.alice(), send(bob, "go on", Step::keep));
    }
}

TEST_CASE("however old a record is, nothing is sealed twice under one key, and the peer refuses what it says by name") {
    SessionPair pair(77);
    std::set<std::array<std::byte, 32>> exported;
    std::vector<Buffer> old;
    const auto note = [&](const InFlight& flight) { CHECK(exported.insert(flight.exported).second); };
    for (int turn = 0; turn < 12; ++turn) {
        arrives(pair.alice(), send(pair.bob(), "step"));
        old.push_back(saved(pair.alice()));  // her step is due
        for (int i = 0; i < 3; ++i) {
            const InFlight flight = send(pair.alice(), "step");
            note(flight);
            arrives(pair.bob(), flight);
            old.push_back(saved(pair.alice()));  // her step is not answered
        }
    }
    for (std::size_t age = 0; age < old.size(); ++age) {
        CAPTURE(age);
        Session alice = restored(old[age], pair.random);
        if (!alice.can_seal()) {
            CHECK(alice.seal(as_bytes("again"), Step::fresh).error() == Error::unknown_session);
            continue;
        }
        for (int i = 0; i < 5; ++i) {
            const InFlight flight = send(alice, "again");
            note(flight);
            const Buffer before = saved(pair.bob());
            const auto opened = pair.bob().open(flight.message);
            REQUIRE_FALSE(opened);
            CHECK((opened.error() == Error::replayed || opened.error() == Error::forged ||
                   opened.error() == Error::unknown_session));
            CHECK(saved(pair.bob()) == before);
        }
        // One whole turn back its header keys are of no use any more.
        if (age + 8 >= old.size()) continue;
        refuses(alice, send(pair.bob(), "to the present one", Step::keep).message, Error::unknown_session);
    }
    CHECK(exported.size() == 12 * 3 + 12 * 5);
    arrives(pair.bob(), send(pair.alice(), "the present one goes on", Step::keep));
}

TEST_CASE("a record that is cut short is truncated, one that goes on is malformed") {
    SessionPair pair(78);
    for (const Buffer& record : records(pair)) {
        for (std::size_t size = 0; size < record.size(); ++size) {
            REQUIRE(refusal(Bytes(record).first(size), pair.random) == Error::truncated);
        }
        Buffer longer = record;
        longer.push_back(std::byte{0});
        CHECK(refusal(longer, pair.random) == Error::malformed);
    }
}

TEST_CASE("a record that says what no session is is refused by name") {
    SessionPair pair(79);
    for (int i = 0; i < 3; ++i) static_cast<void>(send(pair.alice(), "lost"));
    arrives(pair.bob(), send(pair.alice(), "seen"));
    const Buffer record = saved(pair.bob());
    const std::size_t receiving_at = 2 + 32 + 32 + 64 + 32 + 3 * 32 + 4 + 32 + 1184;
    const std::size_t next_at = receiving_at + 64, keys_at = next_at + 4, past_at = keys_at + 2 + 3 * 68;
    REQUIRE(record.size() == past_at + 1 + 8);
    const auto with = [&](std::size_t at, unsigned value) {
        Buffer changed = record;
        changed[at] = static_cast<std::byte>(value);
        return changed;
    };
    REQUIRE(Session::restore(with(flags_at, 1 + 4 + 8), pair.random));
    CHECK(refusal(with(0, 0), pair.random) == Error::unsupported_version);
    CHECK(refusal(with(0, 2), pair.random) == Error::unsupported_version);
    CHECK(refusal(with(flags_at, 16 + 1 + 4 + 8), pair.random) == Error::malformed);
    CHECK(refusal(with(flags_at, 1 + 4), pair.random) == Error::malformed);  // answered, but by nothing
    CHECK(refusal(with(flags_at, 1), pair.random) == Error::malformed);      // a responder that has opened nothing
    Buffer bad_kem = record;                                                 // coefficients of 4095
    std::ranges::fill(MutableBytes(bad_kem).subspan(receiving_at - 1184, 3), std::byte{0xff});
    CHECK(refusal(bad_kem, pair.random) == Error::malformed);
    CHECK(refusal(with(next_at + 3, 3), pair.random) == Error::malformed);      // a kept key that is still to come
    CHECK(refusal(with(keys_at + 2 + 3, 2), pair.random) == Error::malformed);  // numbers that do not ascend
    CHECK(refusal(with(past_at, 5), pair.random) == Error::malformed);          // one past chain more than are kept
    CHECK(refusal(with(past_at, 4), pair.random) == Error::truncated);
    CHECK(refusal(with(past_at, 1), pair.random) == Error::truncated);
}

TEST_CASE("a record that says more skipped keys than a session keeps is malformed") {
    SessionPair pair(80);
    static_cast<void>(send(pair.bob(), "whoever has answered keeps more"));
    for (int i = 0; i < 20; ++i) static_cast<void>(send(pair.alice(), "lost"));
    arrives(pair.bob(), send(pair.alice(), "seen"));
    Buffer record = saved(pair.bob());
    REQUIRE(Session::restore(record, pair.random));
    record[flags_at] &= ~std::byte{2};  // nothing said yet: at most 16
    CHECK(refusal(record, pair.random) == Error::malformed);
}
