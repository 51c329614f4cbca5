// What a decision says to people: to the one who is called, and to both beforehand.
#include <array>

#include "sotto/policy.h"

namespace sotto {
namespace {

struct Words {
    std::string_view name;
    std::string_view sentence;  // for whom is called
    std::string_view clause;    // for both: < is the caller's name, > that of whom is called
};

constexpr std::array<Words, reason_count> table{{
    {"excepted", "you always let this person ring", "> always lets < ring"},
    {"contact", "this person is one of your contacts", "< is one of >'s contacts"},
    {"followed", "you follow this person", "> follows <"},
    {"verified_account", "this account is a verified one, and you let those ring", "> lets verified accounts ring"},
    {"anybody", "you let everyone ring", "> lets everyone ring"},
    {"blocked", "you blocked this person", "> has blocked <"},
    {"calls_off", "you have switched calls off", "> has switched calls off"},
    {"capability_revoked", "you took back what let this person ring",
     "> has taken back the capability that let < ring"},
    {"not_contact", "only your contacts may ring, and this person is not one of them",
     "only >'s contacts may ring, and < is not one of them"},
    {"not_followed", "only people whom you follow and your contacts may ring, and this person is neither",
     "only people whom > follows and >'s contacts may ring, and < is neither"},
    {"not_verified", "of people whom you don't know only verified accounts may ring, and this is not one",
     "of people whom > does not know only verified accounts may ring, and < is not one"},
    {"identity_changed", "a contact's name is said to stand for this new identity: decide whether you trust it first",
     "< has a new identity, which > has not decided to trust"},
    {"no_capability", "this person may ring, but you have not given them a capability yet",
     "> has not given < a capability yet"},
    {"capability_not_shown", "the call did not show the capability that you gave this person",
     "< does not show the capability that > gave"},
    {"unknown_caller", "you don't know this person, and you silence strangers",
     "> does not know <, and silences strangers"},
    {"request_pending", "this person asked to write to you, and you have not decided yet",
     "< asked to write to >, who has not decided yet"},
    {"quiet_hours", "it came in your quiet hours", "it is in >'s quiet hours"},
    {"time_unknown", "you have quiet hours, and the time of day was not known",
     "> has quiet hours, and the time of day is not known there"},
    {"caller_too_often", "this person rang too often lately", "< rang too often lately"},
    {"strangers_too_often", "too many calls by people whom you don't know rang lately",
     "too many calls by people whom > does not know rang lately"},
    {"too_often", "too many calls rang lately", "too many calls rang at >'s lately"},
}};

const Words& words(Reason reason) { return table[static_cast<std::size_t>(reason)]; }

std::string with_names(std::string_view clause, std::string_view caller, std::string_view callee) {
    std::string text;
    for (const char c : clause) {
        if (c == '<') {
            text += caller;
        } else if (c == '>') {
            text += callee;
        } else {
            text += c;
        }
    }
    return text;
}

// 07:05
std::string clock_time(int minute) {
    const auto two = [](int n) {
        return std::string{static_cast<char>('0' + n / 10), static_cast<char>('0' + n % 10)};
    };
    return two(minute / 60) + ":" + two(minute % 60);
}

Decision outside_quiet_hours(const Party& caller, const Party& callee) {
    CallPolicy policy = callee.policy;
    policy.quiet_hours = {};
    return decide(policy, callee.other, caller.identity, {}, {});
}

std::string tell(const Party& caller, const Party& callee, const Decision& decision) {
    const bool rings = decision.verdict == Verdict::allow;
    std::string text = with_names(rings ? "< may ring >: " : "< can't ring >: ", caller.name, callee.name);
    text += with_names(words(decision.reason).clause, caller.name, callee.name);
    const bool in_vain = !rings && callee.other.follows_us && !callee.other.followed;
    if (in_vain) text += with_names("; that < follows > does not change that", caller.name, callee.name);
    text += ".";
    if (decision.verdict == Verdict::silence) text += with_names(" > finds the call in a list.", {}, callee.name);
    const QuietHours& hours = callee.policy.quiet_hours;
    if (!rings || decision.reason == Reason::excepted || hours.from == hours.until) return text;
    text += " Not between " + clock_time(hours.from) + " and " + clock_time(hours.until);
    return text + with_names(", >'s quiet hours.", {}, callee.name);
}

}  // namespace

std::string_view name(Verdict verdict) {
    switch (verdict) {
        case Verdict::allow: return "allow";
        case Verdict::silence: return "silence";
        case Verdict::refuse: break;
    }
    return "refuse";
}

std::string_view name(Reason reason) { return words(reason).name; }
std::string_view describe(Reason reason) { return words(reason).sentence; }

Explanation explain(const Party& first, const Party& second) {
    Explanation told{.first_rings_second = outside_quiet_hours(first, second),
                     .second_rings_first = outside_quiet_hours(second, first)};
    told.first_to_second = tell(first, second, told.first_rings_second);
    told.second_to_first = tell(second, first, told.second_rings_first);
    told.text = told.first_to_second + " " + told.second_to_first;
    const bool there = told.first_rings_second.verdict == Verdict::allow;
    const bool back = told.second_rings_first.verdict == Verdict::allow;
    if (there == back) return told;
    const auto& [caller, callee] = there ? std::pair(first.name, second.name) : std::pair(second.name, first.name);
    told.text += with_names(" So < may ring >, and > can't ring back.", caller, callee);
    return told;
}

}  // namespace sotto
