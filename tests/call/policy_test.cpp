// Who may ring, by the pure function alone: every combination, every minute, limits and floods in virtual time.
#include "sotto/policy.h"

#include <doctest/doctest.h>

#include <set>
#include <vector>

#include "support/random.h"

using namespace sotto;
using namespace std::chrono_literals;

namespace {

PublicIdentity person(std::size_t n) {
    PublicIdentity made;
    for (std::size_t i = 0; i < sizeof(n); ++i) made.key[i] = static_cast<std::byte>(n >> (8 * i));
    return made;
}

const PublicIdentity ann = person(1), bob = person(2);
constexpr Instant start{1000s};

Decision decide(const CallPolicy& policy, const Relationship& relationship) {
    return sotto::decide(policy, relationship, ann, {}, {.now = start, .local_minute = 12 * 60});
}

constexpr std::array all_who{WhoMayRing::nobody, WhoMayRing::contacts, WhoMayRing::followed,
                             WhoMayRing::verified_accounts, WhoMayRing::everyone};

constexpr std::array all_states{CapabilityState::none, CapabilityState::live, CapabilityState::not_shown,
                                CapabilityState::revoked};
constexpr Relationship contact_with_key{.contact = true, .capability = CapabilityState::live};

Relationship relationship(unsigned bits, CapabilityState capability) {
    return {.contact = (bits & 1) != 0,
            .identity_changed = (bits & 2) != 0,
            .followed = (bits & 4) != 0,
            .follows_us = (bits & 8) != 0,
            .verified_account = (bits & 16) != 0,
            .request_pending = (bits & 32) != 0,
            .capability = capability};
}

enum class Hour { no_quiet_hours, loud, quiet, unknown };

// The rules as the header tells them in words, told the other way round: first who rings, then who is silenced.
Verdict expected(WhoMayRing who, const Relationship& of, std::optional<Exception> exception, bool silence, Hour hour) {
    if (exception) return exception == Exception::allow ? Verdict::allow : Verdict::refuse;
    if (of.capability == CapabilityState::revoked) return Verdict::refuse;
    std::set<WhoMayRing> let_in_by{WhoMayRing::everyone}, with_a_key;
    if (of.contact) with_a_key.insert({WhoMayRing::contacts, WhoMayRing::followed, WhoMayRing::verified_accounts});
    if (of.followed) with_a_key.insert({WhoMayRing::followed, WhoMayRing::verified_accounts});
    if (of.capability == CapabilityState::live) let_in_by.insert(with_a_key.begin(), with_a_key.end());
    if (of.verified_account) let_in_by.insert(WhoMayRing::verified_accounts);
    const bool known = of.contact || of.followed;
    if (let_in_by.contains(who)) {
        const bool rings_by_day = known || (!of.request_pending && !silence);
        const bool day = hour == Hour::loud || hour == Hour::no_quiet_hours;
        return rings_by_day && day ? Verdict::allow : Verdict::silence;
    }
    if (who == WhoMayRing::nobody) return Verdict::refuse;
    return silence || of.identity_changed || with_a_key.contains(who) ? Verdict::silence : Verdict::refuse;
}

std::size_t rang(const std::vector<Instant>& rings, Instant after) {
    return static_cast<std::size_t>(std::ranges::count_if(rings, [&](Instant at) { return at > after; }));
}

}  // namespace

TEST_CASE("without a word from anybody contacts who show a capability ring, and nobody else") {
    const CallPolicy policy;
    CHECK(decide(policy, contact_with_key).verdict == Verdict::allow);
    for (const CapabilityState capability : all_states) {
        for (unsigned bits = 0; bits < 64; ++bits) {
            const Relationship of = relationship(bits, capability);
            CAPTURE(bits);
            const bool rings = of.contact && capability == CapabilityState::live;
            CHECK((decide(policy, of).verdict == Verdict::allow) == rings);
        }
    }
}

TEST_CASE("a capability opens no door that the policy shuts, and is asked for at none that is open") {
    for (unsigned bits = 0; bits < 64; ++bits) {
        CAPTURE(bits);
        for (const WhoMayRing who : all_who) {
            const Relationship with = relationship(bits, CapabilityState::live);
            const bool known = with.contact || (who >= WhoMayRing::followed && with.followed);
            const Decision without = decide({.who = who}, relationship(bits, CapabilityState::none));
            if (!known) CHECK(decide({.who = who}, with) == without);
            if (who == WhoMayRing::everyone) CHECK(decide({.who = who}, with).verdict == without.verdict);
        }
        const CallPolicy excepted{.who = WhoMayRing::nobody, .exceptions = {{ann, Exception::allow}}};
        for (const CapabilityState capability : all_states) {
            CHECK(decide(excepted, relationship(bits, capability)).reason == Reason::excepted);
        }
    }
}

TEST_CASE("the user is told what lacks: a capability never given, one not shown, and one taken back is only counted") {
    for (const bool silence : {false, true}) {
        const CallPolicy policy{.silence_strangers = silence};
        const auto told = [&](CapabilityState capability) {
            const Decision decision = decide(policy, {.contact = true, .capability = capability});
            return std::pair(decision.verdict, decision.reason);
        };
        CHECK(told(CapabilityState::none) == std::pair(Verdict::silence, Reason::no_capability));
        CHECK(told(CapabilityState::not_shown) == std::pair(Verdict::silence, Reason::capability_not_shown));
        CHECK(told(CapabilityState::revoked) == std::pair(Verdict::refuse, Reason::capability_revoked));
    }
}

TEST_CASE("every choice, relationship, exception and hour is decided as the rules say, with a reason of its verdict") {
    std::map<Reason, std::set<Verdict>> verdicts;
    int allowed = 0, silenced = 0, refused = 0;
    for (const WhoMayRing who : all_who) {
        for (unsigned bits = 0; bits < 64; ++bits) {
            for (const auto exception : {std::optional<Exception>(), {Exception::allow}, {Exception::block}}) {
                for (const bool silence : {false, true}) {
                    for (const Hour hour : {Hour::no_quiet_hours, Hour::loud, Hour::quiet, Hour::unknown}) {
                        CallPolicy policy{.who = who, .silence_strangers = silence};
                        if (exception) policy.exceptions[ann] = *exception;
                        policy.exceptions[bob] = Exception::allow;  // somebody else's changes nothing
                        if (hour != Hour::no_quiet_hours) policy.quiet_hours = {.from = 60, .until = 120};
                        Moment moment{.now = start, .local_minute = hour == Hour::quiet ? 60 : 120};
                        if (hour == Hour::unknown) moment.local_minute.reset();
                        for (const CapabilityState capability : all_states) {
                            const Relationship of = relationship(bits, capability);
                            const Decision decision = sotto::decide(policy, of, ann, {}, moment);
                            const Verdict told = expected(who, of, exception, silence, hour);
                            if (decision.verdict != told) {
                                CAPTURE(bits);
                                CAPTURE(static_cast<int>(who));
                                CAPTURE(static_cast<int>(capability));
                                CAPTURE(decision.sentence);
                                FAIL_CHECK("another verdict than the rules'");
                            }
                            verdicts[decision.reason].insert(decision.verdict);
                            ++(told == Verdict::allow ? allowed : told == Verdict::silence ? silenced : refused);
                            if (decision.sentence != describe(decision.reason)) FAIL_CHECK("another sentence");
                        }
                    }
                }
            }
        }
    }
    CHECK(allowed + silenced + refused == 5 * 64 * 3 * 2 * 4 * 4);
    CHECK(allowed > 1000);
    CHECK(silenced > 1000);
    CHECK(refused > 1000);
    for (const auto& [reason, seen] : verdicts) {
        CAPTURE(name(reason));
        CHECK((seen.contains(Verdict::allow) ? seen.size() == 1 : true));
    }
    CHECK(verdicts.size() == reason_count - 3);  // all but the limits'
}

TEST_CASE("to follow somebody never lets anybody ring") {
    for (const WhoMayRing who : all_who) {
        for (unsigned bits = 0; bits < 64; ++bits) {
            for (const CapabilityState capability : all_states) {
                Relationship of = relationship(bits, capability);
                of.follows_us = false;
                const Decision without = decide({.who = who}, of);
                of.follows_us = true;
                CHECK(decide({.who = who}, of) == without);
            }
        }
    }
}

TEST_CASE("each reason has a name, and a sentence that is its own") {
    std::set<std::string_view> names, sentences;
    for (std::size_t i = 0; i < reason_count; ++i) {
        const auto reason = static_cast<Reason>(i);
        names.insert(name(reason));
        sentences.insert(describe(reason));
        CHECK(describe(reason).size() > 10);
        CHECK(describe(reason).back() != '.');
    }
    CHECK(names.size() == reason_count);
    CHECK(sentences.size() == reason_count);
}

TEST_CASE("quiet hours hold in exactly their minutes of all 1440, over midnight too") {
    for (const auto& [from, until] :
         {std::pair(0, 1), {1320, 420}, {420, 1320}, {1439, 0}, {0, 1439}, {1, 0}, {720, 720}, {0, 0}, {1439, 1438}}) {
        std::set<int> quiet;
        for (int minute = from; minute != until; minute = (minute + 1) % 1440) quiet.insert(minute);
        CallPolicy policy;
        policy.quiet_hours = {static_cast<std::uint16_t>(from), static_cast<std::uint16_t>(until)};
        REQUIRE(check(policy));
        int silenced = 0;
        for (int minute = 0; minute < 1440; ++minute) {
            const auto decision =
                sotto::decide(policy, contact_with_key, ann, {}, {.now = start, .local_minute = minute});
            const bool is_quiet = quiet.contains(minute);
            if (decision.reason != (is_quiet ? Reason::quiet_hours : Reason::contact)) {
                CAPTURE(minute);
                FAIL_CHECK("the wrong minute");
            }
            silenced += decision.verdict == Verdict::silence ? 1 : 0;
        }
        CHECK(silenced == static_cast<int>(quiet.size()));
    }
}

TEST_CASE("the local minute follows the clock that was told, in every zone and across midnight") {
    for (int offset = -12 * 60; offset <= 14 * 60; offset += 15) {
        for (int told = 0; told < 1440; told += 7) {
            const LocalClock clock{
                .at = start, .utc = std::chrono::minutes(told), .utc_offset = std::chrono::minutes(offset)};
            for (const int later : {-3000, -1, 0, 1, 59, 1440, 10000}) {
                const int expected = ((told + offset + later) % 1440 + 1440) % 1440;
                if (local_minute(clock, start + std::chrono::minutes(later)) != expected) {
                    CAPTURE(offset);
                    CAPTURE(told);
                    FAIL_CHECK("another minute");
                }
            }
        }
    }
    const LocalClock clock{.at = start, .utc = 59s, .utc_offset = 0min};
    CHECK(local_minute(clock, start + 999ms) == 0);
    CHECK(local_minute(clock, start + 1s) == 1);
}

TEST_CASE("no window holds more rings than the limits allow, and no ring is kept back that they would allow") {
    for (std::uint64_t seed = 1; seed <= 8; ++seed) {
        CAPTURE(seed);
        test::SeededRandom random(seed);
        CallPolicy policy{.who = WhoMayRing::everyone};
        policy.limits = {.per_caller = static_cast<std::uint8_t>(1 + random.below(5)),
                         .strangers = static_cast<std::uint8_t>(random.below(10)),
                         .in_all = static_cast<std::uint8_t>(1 + random.below(64)),
                         .window = std::chrono::seconds(10 + random.below(100))};
        RingHistory history;
        std::map<PublicIdentity, std::vector<Instant>> by_caller;  // all that ever rang
        std::vector<Instant> strangers, in_all;
        Instant now = start;
        int kept_back = 0;
        for (int i = 0; i < 4000; ++i) {
            now += std::chrono::milliseconds(random.below(1500));
            const std::size_t who = random.below(20);
            const Relationship of{.contact = who < 10};
            const PublicIdentity caller = person(who);
            const Decision decision = sotto::decide(policy, of, caller, history, {.now = now, .local_minute = {}});
            const Instant after = now - policy.limits.window;
            const bool within = rang(by_caller[caller], after) < policy.limits.per_caller &&
                                rang(in_all, after) < policy.limits.in_all &&
                                (of.contact || rang(strangers, after) < policy.limits.strangers);
            CHECK((decision.verdict == Verdict::allow) == within);
            kept_back += within ? 0 : 1;
            if (decision.verdict != Verdict::allow) continue;
            history.note(caller, is_stranger(policy, of, caller), now);
            by_caller[caller].push_back(now);
            in_all.push_back(now);
            if (!of.contact) strangers.push_back(now);
        }
        CHECK(kept_back > 100);
        CHECK(in_all.size() > 50);
    }
}

TEST_CASE("an allowed person rings at any hour even if nobody else may, but not without limits") {
    CallPolicy policy{.who = WhoMayRing::nobody, .exceptions = {{ann, Exception::allow}}, .quiet_hours = {0, 1439}};
    RingHistory history;
    for (int i = 0; i < policy.limits.per_caller; ++i) {
        CHECK(sotto::decide(policy, {}, ann, history, {.now = start, .local_minute = 3}).verdict == Verdict::allow);
        history.note(ann, false, start);
    }
    const auto again = [&](Instant now) {
        return sotto::decide(policy, {}, ann, history, {.now = now, .local_minute = 3}).reason;
    };
    CHECK(again(start) == Reason::caller_too_often);
    CHECK(again(start + policy.limits.window - 1ns) == Reason::caller_too_often);
    CHECK(again(start + policy.limits.window) == Reason::excepted);
    policy.limits.window = 0s;
    CHECK(again(start) == Reason::excepted);
}

TEST_CASE("of a flood of 100,000 calls by 1,000 strangers none rings, or few if strangers may, and contacts ring on") {
    static_assert(sizeof(RingHistory) <= 4096);
    for (const WhoMayRing who : all_who) {
        CAPTURE(static_cast<int>(who));
        const CallPolicy policy{.who = who};
        RingHistory history;
        std::vector<Instant> strangers;
        int contacts = 0, contacts_calls = 0;
        test::SeededRandom random(5);
        for (int i = 0; i < 100000; ++i) {
            const Instant now = start + i * 36ms;  // an hour
            const PublicIdentity caller = person(10 + random.below(1000));
            const Relationship of{.follows_us = random.chance(0.5)};
            if (sotto::decide(policy, of, caller, history, {.now = now, .local_minute = 0}).verdict == Verdict::allow) {
                strangers.push_back(now);
                history.note(caller, is_stranger(policy, of, caller), now);
            }
            if (i % 10000 != 9999) continue;
            ++contacts_calls;
            if (sotto::decide(policy, contact_with_key, ann, history, {now, 0}).verdict == Verdict::allow) ++contacts;
        }
        // Six windows of ten minutes; one may be cut in two.
        CHECK(strangers.size() <= (who == WhoMayRing::everyone ? 7U * policy.limits.strangers : 0U));
        CHECK((strangers.empty() || who == WhoMayRing::everyone));
        CHECK(contacts == (who == WhoMayRing::nobody ? 0 : contacts_calls));
    }
}

TEST_CASE("a policy outside its ranges is refused") {
    const auto refused = [](auto change) {
        CallPolicy policy;
        change(policy);
        const auto checked = check(policy);
        return checked ? std::optional<Error>() : checked.error();
    };
    CHECK_FALSE(refused([](CallPolicy&) {}));
    CHECK(refused([](CallPolicy& p) { p.who = static_cast<WhoMayRing>(5); }) == Error::invalid_argument);
    CHECK(refused([](CallPolicy& p) { p.quiet_hours.from = 1440; }) == Error::invalid_argument);
    CHECK(refused([](CallPolicy& p) { p.quiet_hours.until = 1440; }) == Error::invalid_argument);
    CHECK(refused([](CallPolicy& p) { p.limits.in_all = 65; }) == Error::invalid_argument);
    CHECK(refused([](CallPolicy& p) { p.limits.window = -1s; }) == Error::invalid_argument);
    CHECK(refused([](CallPolicy& p) { p.limits.window = 24h + 1s; }) == Error::invalid_argument);
    CHECK(refused([](CallPolicy& p) { p.exceptions[ann] = static_cast<Exception>(2); }) == Error::invalid_argument);
    CHECK(refused([](CallPolicy& p) {
              for (std::size_t i = 0; i <= CallPolicy::max_exceptions; ++i) p.exceptions[person(i)] = Exception::block;
          }) == Error::too_large);
}
