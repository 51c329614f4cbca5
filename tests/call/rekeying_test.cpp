// Who asks for new keys when, and whose request counts.
#include "call/rekeying.h"

#include <doctest/doctest.h>

#include <algorithm>

using namespace sotto;
using namespace sotto::call;
using namespace std::chrono_literals;
using crypto::Role;

namespace {

constexpr Instant start{1000s};

crypto::ExportSecret secret(int n) {
    crypto::ExportSecret made;
    std::ranges::fill(made.fill(), static_cast<std::byte>(n));
    return made;
}

// Asks by the number that is due, which must be this one.
void ask(Rekeying& side, std::uint16_t number, Instant now, bool stepped = true) {
    const auto due = side.due(0, now);
    REQUIRE(due);
    REQUIRE(*due == number);
    side.asked(number, secret(number), stepped, now);
}

}  // namespace

TEST_CASE("the caller asks four minutes after a generation began, the callee half a minute later") {
    Rekeying caller(Role::caller, start), callee(Role::callee, start);
    CHECK(caller.deadline() == start + 240s);
    CHECK_FALSE(caller.due(0, start + 239s));
    CHECK(caller.due(0, start + 240s));
    CHECK_FALSE(callee.due(0, start + 269s));
    CHECK(callee.due(0, start + 270s));
}

TEST_CASE("an answer gives the request's secret, once, and begins the time anew") {
    Rekeying caller(Role::caller, start);
    ask(caller, 1, start + 240s);
    CHECK(caller.answered(2, start + 241s).error() == Error::wrong_state);
    const auto request = caller.answered(1, start + 241s);
    REQUIRE(request);
    CHECK(std::ranges::equal(request->reveal(), secret(1).reveal()));
    CHECK(caller.answered(1, start + 241s).error() == Error::wrong_state);
    CHECK(caller.deadline() == start + 241s + 240s);
}

TEST_CASE("a request without an answer is made anew with the next number, after 10 s and then more and more rarely") {
    Rekeying callee(Role::callee, start);
    Instant now = start + 270s;
    std::uint16_t number = 1;
    for (const auto wait : {10s, 20s, 40s, 80s, 160s, 240s, 240s}) {
        ask(callee, number++, now);
        CHECK_FALSE(callee.due(0, now + wait - 1ns));
        now += wait;
        CHECK(callee.due(0, now));
    }
    ask(callee, number, now);
    // The answer to one that was asked anew comes too late.
    CHECK(callee.answered(number - 1U, now).error() == Error::wrong_state);
    CHECK(callee.answered(number, now));
    // After an answer the first wait is short again.
    callee.want();
    ask(callee, static_cast<std::uint16_t>(number + 1), now);
    CHECK(callee.deadline() == now + 10s);
}

TEST_CASE("a client's wish is due at once") {
    Rekeying caller(Role::caller, start);
    caller.want();
    CHECK(caller.deadline() <= start);
    ask(caller, 1, start);
    REQUIRE(caller.answered(1, start + 1s));
    CHECK(caller.deadline() == start + 1s + 240s);
}

TEST_CASE("a client's request that could not step is followed by another as soon as it is answered, a timer's is not") {
    Rekeying caller(Role::caller, start);
    caller.want();
    ask(caller, 1, start, false);
    ask(caller, 2, start + 10s, false);  // unanswered: what the client wanted is still to come
    REQUIRE(caller.answered(2, start + 11s));
    ask(caller, 3, start + 11s, true);
    REQUIRE(caller.answered(3, start + 12s));
    CHECK(caller.deadline() == start + 12s + 240s);
    ask(caller, 4, start + 252s, false);
    REQUIRE(caller.answered(4, start + 253s));
    CHECK(caller.deadline() == start + 253s + 240s);
}

TEST_CASE("a number counts once, and only above those that came or were agreed on") {
    Rekeying callee(Role::callee, start);
    CHECK(callee.may_answer(0, 0, start).error() == Error::replayed);
    CHECK(*callee.may_answer(5, 0, start) == 5);
    callee.agreed(5, start + 10s);
    CHECK(callee.deadline() == start + 10s + 270s);
    CHECK(callee.may_answer(5, 0, start).error() == Error::replayed);
    CHECK(callee.may_answer(4, 0, start).error() == Error::replayed);
    callee.want();
    ask(callee, 6, start + 20s);  // ours go on above theirs
    REQUIRE(callee.answered(6, start + 20s));
    CHECK(callee.may_answer(6, 0, start).error() == Error::replayed);
}

TEST_CASE("if both ask at once the caller's request counts, by whatever numbers") {
    Rekeying caller(Role::caller, start), callee(Role::callee, start);
    std::uint16_t callees = 1;
    SUBCASE("the same") {}
    SUBCASE("the callee's is higher, because an earlier one was lost") {
        callee.want();
        ask(callee, callees++, start);
    }
    caller.want();
    callee.want();
    ask(caller, 1, start);
    ask(callee, callees, start);
    CHECK(caller.may_answer(callees, 0, start).error() == Error::wrong_state);
    REQUIRE(*callee.may_answer(1, 0, start) == 1);
    callee.agreed(1, start);
    CHECK(callee.answered(callees, start).error() == Error::wrong_state);  // forgotten
    REQUIRE(caller.answered(1, start));
    // The next number is above all that either has seen, so that none ever stands for two generations.
    caller.want();
    ask(caller, static_cast<std::uint16_t>(callees + 1), start);
}

TEST_CASE("a caller's request that has had no answer for 10 s is no reason to refuse the callee's") {
    Rekeying caller(Role::caller, start);
    ask(caller, 1, start + 240s);
    CHECK(caller.may_answer(2, 0, start + 250s - 1ns).error() == Error::wrong_state);
    CHECK(*caller.may_answer(3, 0, start + 250s) == 3);
    caller.agreed(3, start + 250s);
    CHECK(caller.answered(1, start + 250s).error() == Error::wrong_state);
}

TEST_CASE("requests that cross after 10 s are made anew, unless one of them turns out to have been answered") {
    Rekeying caller(Role::caller, start), callee(Role::callee, start);
    caller.want();
    ask(caller, 1, start);  // lost
    ask(caller, 2, start + 10s);
    callee.want();
    ask(callee, 1, start + 19s);
    // Both are slow, and cross: each side answers the other's and forgets its own.
    REQUIRE(*caller.may_answer(1, 0, start + 21s) == 1);
    caller.agreed(1, start + 21s);
    REQUIRE(*callee.may_answer(2, 0, start + 21s) == 2);
    callee.agreed(2, start + 21s);
    CHECK_FALSE(caller.answered(2, start + 22s));
    CHECK_FALSE(callee.answered(1, start + 22s));
    // Nobody sends under either generation: the caller asks again, and the callee only if nothing comes of it.
    CHECK(**caller.due(0, start + 31s) == 3);
    ask(caller, 3, start + 31s);
    REQUIRE(*callee.may_answer(3, 0, start + 31s) == 3);
    callee.agreed(3, start + 31s);
    REQUIRE(caller.answered(3, start + 32s));
    CHECK_FALSE(callee.due(3, start + 60s));
    CHECK(callee.deadline() > start + 200s);
}

TEST_CASE("generations end at 2^16, ours and theirs") {
    Rekeying caller(Role::caller, start);
    CHECK(caller.may_answer(65536, 65535, start).error() == Error::key_exhausted);
    REQUIRE(caller.may_answer(65535, 65534, start));
    caller.agreed(65535, start);
    caller.want();
    const auto due = caller.due(65535, start);
    REQUIRE(due);
    CHECK(due->error() == Error::key_exhausted);
    caller.failed(start);
    CHECK_FALSE(caller.due(65535, start));
}

TEST_CASE("no number is 256 or more above the generation that we receive under: an MKI could not tell the two apart") {
    Rekeying callee(Role::callee, start);
    CHECK(callee.may_answer(256, 0, start).error() == Error::malformed);
    CHECK(callee.may_answer(300, 44, start).error() == Error::malformed);
    CHECK(*callee.may_answer(255, 0, start) == 255);  // what was refused left nothing behind
    callee.agreed(255, start);
    callee.want();
    CHECK(callee.due(0, start)->error() == Error::key_exhausted);
    CHECK(**callee.due(1, start) == 256);  // a packet has come under a later one
    CHECK(*callee.may_answer(256, 1, start) == 256);
}
