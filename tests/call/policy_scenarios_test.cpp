// The five scenarios in which reporters tried X's calls in March 2024 ("Elon Musk switched on X calling by default",
// TechCrunch), and what two people are told beforehand.
//
// X's column is the rule of its help centre at the time ("by default, you can receive calls from accounts you follow or
// have in your address book; to call them, they must have sent you a direct message at least once"), as foxla.com
// quoted it ("X makes audio and video calls available to all users", March 2024). It is that rule applied, not a
// measurement of ours.
#include <doctest/doctest.h>

#include <string>

#include "sotto/policy.h"

using namespace sotto;

namespace {

const PublicIdentity ann{{std::byte{1}}}, bob{{std::byte{2}}};

// What each did on the service, and the telephone book of each.
struct Side {
    bool follows = false;                          // the other
    bool messaged = false;                         // the other
    bool request_waits = false;                    // of the other, here
    bool contact = false;                          // the other is one
    CapabilityState gave = CapabilityState::live;  // the other
};

// X: the callee follows the caller or has them in the address book, and has written to the caller.
bool rings_at_x(const Side& callee) { return (callee.follows || callee.contact) && callee.messaged; }

Party party(std::string_view name, const PublicIdentity& identity, const CallPolicy& policy, const Side& self,
            const Side& other) {
    return {.name = name,
            .identity = identity,
            .policy = policy,
            .other = {.contact = self.contact,
                      .followed = self.follows,
                      .follows_us = other.follows,
                      .request_pending = self.request_waits,
                      .capability = self.gave}};
}

struct Scenario {
    std::string_view what;
    Side a, b;          // Ann, Bob
    bool x_ann, x_bob;  // at X: Ann rings Bob, Bob rings Ann
    // Sotto's default, then with X's own setting ("people I follow") on both sides, and each with the reason.
    Verdict ann, bob;
    Reason why_ann, why_bob;
    Verdict followed_ann, followed_bob;
};

constexpr auto allow = Verdict::allow;
constexpr auto refuse = Verdict::refuse;

const Scenario scenarios[] = {
    {"nobody follows", {}, {}, false, false, refuse, refuse, Reason::not_contact, Reason::not_contact, refuse, refuse},
    {"Ann, who follows Bob, wrote; Bob has not decided",
     {.follows = true, .messaged = true},
     {.request_waits = true},
     false,
     true,
     refuse,
     refuse,
     Reason::not_contact,
     Reason::not_contact,
     refuse,
     allow},
    {"Bob accepted the request and wrote back",
     {.follows = true, .messaged = true},
     {.messaged = true},
     false,
     true,
     refuse,
     refuse,
     Reason::not_contact,
     Reason::not_contact,
     refuse,
     allow},
    {"Bob answered Ann's call, and Ann's settings refuse a call back",
     {.messaged = true},
     {.follows = true, .messaged = true},
     true,
     false,
     refuse,
     refuse,
     Reason::not_contact,
     Reason::not_contact,
     allow,
     refuse},
    {"they follow each other",
     {.follows = true, .messaged = true},
     {.follows = true, .messaged = true},
     true,
     true,
     refuse,
     refuse,
     Reason::not_contact,
     Reason::not_contact,
     allow,
     allow},
};

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("the five scenarios that were tried at X come out as the table says, both ways") {
    for (const Scenario& scenario : scenarios) {
        CAPTURE(scenario.what);
        CHECK(rings_at_x(scenario.b) == scenario.x_ann);
        CHECK(rings_at_x(scenario.a) == scenario.x_bob);
        const auto told = [&](const CallPolicy& policy) {
            return explain(party("Ann", ann, policy, scenario.a, scenario.b),
                           party("Bob", bob, policy, scenario.b, scenario.a));
        };
        const Explanation by_default = told({});
        CHECK(by_default.first_rings_second.verdict == scenario.ann);
        CHECK(by_default.first_rings_second.reason == scenario.why_ann);
        CHECK(by_default.second_rings_first.verdict == scenario.bob);
        CHECK(by_default.second_rings_first.reason == scenario.why_bob);
        const Explanation followed = told({.who = WhoMayRing::followed});
        CHECK(followed.first_rings_second.verdict == scenario.followed_ann);
        CHECK(followed.second_rings_first.verdict == scenario.followed_bob);
    }
}

TEST_CASE("in each of the five scenarios a contact of the one who is called rings, and that is all it takes") {
    for (Scenario scenario : scenarios) {
        CAPTURE(scenario.what);
        scenario.b.contact = true;
        const Explanation told =
            explain(party("Ann", ann, {}, scenario.a, scenario.b), party("Bob", bob, {}, scenario.b, scenario.a));
        CHECK(told.first_rings_second.verdict == allow);
        CHECK(told.first_rings_second.reason == Reason::contact);
        CHECK(told.second_rings_first.verdict == refuse);
    }
}

TEST_CASE("in none of the five scenarios anybody rings before the one who is called has given a capability") {
    for (Scenario scenario : scenarios) {
        CAPTURE(scenario.what);
        for (const bool contact : {false, true}) {
            scenario.a.contact = scenario.b.contact = contact;
            for (const CapabilityState gave : {CapabilityState::none, CapabilityState::revoked}) {
                scenario.a.gave = scenario.b.gave = gave;
                for (const WhoMayRing who : {WhoMayRing::contacts, WhoMayRing::followed}) {
                    const Explanation told = explain(party("Ann", ann, {.who = who}, scenario.a, scenario.b),
                                                     party("Bob", bob, {.who = who}, scenario.b, scenario.a));
                    const auto rings_with_one = [&](const Side& callee) {
                        return callee.contact || (who == WhoMayRing::followed && callee.follows);
                    };
                    const auto without_one = [&](const Side& callee) {
                        if (gave == CapabilityState::revoked) return Reason::capability_revoked;
                        if (rings_with_one(callee)) return Reason::no_capability;
                        return who == WhoMayRing::contacts ? Reason::not_contact : Reason::not_followed;
                    };
                    CHECK(told.first_rings_second.verdict != allow);
                    CHECK(told.second_rings_first.verdict != allow);
                    CHECK(told.first_rings_second.reason == without_one(scenario.b));
                    CHECK(told.second_rings_first.reason == without_one(scenario.a));
                    if (told.first_rings_second.reason == Reason::no_capability) {
                        CHECK(contains(told.text, "Ann can't ring Bob: Bob has not given Ann a capability yet"));
                    }
                }
            }
        }
    }
}

TEST_CASE("what X leaves to be found out is said beforehand: one may ring, the other can't ring back") {
    for (const Scenario& scenario : scenarios) {
        CAPTURE(scenario.what);
        const CallPolicy policy{.who = WhoMayRing::followed};
        const Explanation told = explain(party("Ann", ann, policy, scenario.a, scenario.b),
                                         party("Bob", bob, policy, scenario.b, scenario.a));
        const bool there = told.first_rings_second.verdict == allow, back = told.second_rings_first.verdict == allow;
        CHECK(contains(told.text, there ? "Ann may ring Bob: " : "Ann can't ring Bob: "));
        CHECK(contains(told.text, back ? "Bob may ring Ann: " : "Bob can't ring Ann: "));
        CHECK(contains(told.text, "and Bob can't ring back.") == (there && !back));
        CHECK(contains(told.text, "and Ann can't ring back.") == (back && !there));
    }
}

TEST_CASE("both directions are told in plain words, with quiet hours and what is in vain") {
    Party a{.name = "Ann", .identity = ann, .policy = {}, .other = {}};
    Party b{.name = "Bob", .identity = bob, .policy = {}, .other = {.contact = true}};
    CHECK(contains(explain(a, b).text,
                   "Ann can't ring Bob: Bob has not given Ann a capability yet. Bob finds the call in a list. "));
    b.other.capability = CapabilityState::revoked;
    CHECK(contains(explain(a, b).text, "Ann can't ring Bob: Bob has taken back the capability that let Ann ring. Bob"));
    b.other.capability = CapabilityState::live;
    b.policy.quiet_hours = {.from = 22 * 60, .until = 7 * 60 + 5};
    CHECK(explain(a, b).text ==
          "Ann may ring Bob: Ann is one of Bob's contacts. Not between 22:00 and 07:05, Bob's quiet hours. "
          "Bob can't ring Ann: only Ann's contacts may ring, and Bob is not one of them. "
          "So Ann may ring Bob, and Bob can't ring back.");
    CHECK(explain(a, b).first_to_second ==
          "Ann may ring Bob: Ann is one of Bob's contacts. Not between 22:00 and 07:05, Bob's quiet hours.");
    CHECK(explain(a, b).second_to_first ==
          "Bob can't ring Ann: only Ann's contacts may ring, and Bob is not one of them.");
    a.other.follows_us = true;
    CHECK(contains(explain(a, b).text, "Bob is not one of them; that Bob follows Ann does not change that."));
    a.policy.silence_strangers = true;
    CHECK(explain(a, b).second_rings_first.verdict == Verdict::silence);
    CHECK(contains(explain(a, b).text, "Ann finds the call in a list."));
    b.policy.exceptions[ann] = Exception::block;
    CHECK(contains(explain(a, b).text, "Ann can't ring Bob: Bob has blocked Ann."));
    b.policy.exceptions[ann] = Exception::allow;
    CHECK(contains(explain(a, b).text, "Ann may ring Bob: Bob always lets Ann ring. Bob"));  // at any hour
}
