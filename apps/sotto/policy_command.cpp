// sotto policy: who may ring, shown and changed.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <map>

#include "apps/sotto/call_options.h"
#include "apps/sotto/commands.h"
#include "apps/sotto/outcome.h"

namespace sotto::app {
namespace {

struct PolicyOptions {
    ProfileOptions profile;
    std::string who;
    std::string quiet;
    std::string silence_strangers;
};

const std::map<std::string, WhoMayRing> choices{{"nobody", WhoMayRing::nobody},
                                                {"contacts", WhoMayRing::contacts},
                                                {"followed", WhoMayRing::followed},
                                                {"verified", WhoMayRing::verified_accounts},
                                                {"everyone", WhoMayRing::everyone}};

const char* words_for(WhoMayRing who) {
    switch (who) {
        case WhoMayRing::nobody: return "Nobody may ring.";
        case WhoMayRing::contacts: return "Your contacts may ring, by the capability that you gave them.";
        case WhoMayRing::followed:
            return "Your contacts and people whom you follow may ring, by the capability that you gave them. A broker "
                   "tells nobody whom you follow: here that means your contacts.";
        case WhoMayRing::verified_accounts:
            return "Your contacts may ring, and accounts that a service vouches for. A broker vouches for none: here "
                   "that "
                   "means your contacts.";
        case WhoMayRing::everyone: break;
    }
    return "Everyone may ring.";
}

Expected<QuietHours> parse_quiet(const std::string& text) {
    if (text == "off") return QuietHours{};
    int from_hour = 0, from_minute = 0, until_hour = 0, until_minute = 0;
    char extra = 0;
    const int read =
        std::sscanf(text.c_str(), "%2d:%2d-%2d:%2d%c", &from_hour, &from_minute, &until_hour, &until_minute, &extra);
    const auto valid = [](int hour, int minute) { return hour >= 0 && hour < 24 && minute >= 0 && minute < 60; };
    if (read != 4 || !valid(from_hour, from_minute) || !valid(until_hour, until_minute)) {
        return std::unexpected("--quiet is HH:MM-HH:MM or off, not " + text);
    }
    const QuietHours hours{.from = static_cast<std::uint16_t>(from_hour * 60 + from_minute),
                           .until = static_cast<std::uint16_t>(until_hour * 60 + until_minute)};
    if (hours.from == hours.until) return std::unexpected("--quiet from a time to the same is no time: off, or nobody");
    return hours;
}

void print_exceptions(const Account& account, Exception which, const char* words) {
    for (const auto& [person, exception] : account.policy().exceptions) {
        if (exception != which) continue;
        const std::string hex = to_hex(person.key);
        std::printf("%s: %s\n", words, account.contacts().name_of(person).value_or(hex).c_str());
    }
}

void show(const Account& account) {
    const CallPolicy& policy = account.policy();
    std::printf("%s\n", words_for(policy.who));
    std::printf("%s\n", policy.silence_strangers
                            ? "Strangers never ring; their calls are listed."
                            : "Whoever may not ring is refused, and can't tell that from your being off.");
    const QuietHours& hours = policy.quiet_hours;
    if (hours.from == hours.until) {
        std::printf("No quiet hours.\n");
    } else {
        std::printf("Quiet hours from %02d:%02d to %02d:%02d: calls are listed and do not ring.\n", hours.from / 60,
                    hours.from % 60, hours.until / 60, hours.until % 60);
    }
    const RingLimits& limits = policy.limits;
    std::printf("At most %d calls of one person, %d of strangers and %d in all ring within %d minutes.\n",
                limits.per_caller, limits.strangers, limits.in_all,
                static_cast<int>(std::chrono::duration_cast<std::chrono::minutes>(limits.window).count()));
    print_exceptions(account, Exception::block, "Blocked");
    print_exceptions(account, Exception::allow, "Always rings");
}

int run_policy(const PolicyOptions& options) {
    auto profile = open_profile(options.profile);
    if (!profile) return complain(profile.error());
    CallPolicy policy = profile->account.policy();
    if (!options.who.empty()) policy.who = choices.at(options.who);
    if (!options.silence_strangers.empty()) policy.silence_strangers = options.silence_strangers == "on";
    if (!options.quiet.empty()) {
        const auto hours = parse_quiet(options.quiet);
        if (!hours) return complain(hours.error());
        policy.quiet_hours = *hours;
    }
    if (policy != profile->account.policy()) {
        const auto set = profile->account.set_policy(std::move(policy));
        if (!set) return complain("cannot change the policy: " + std::string(describe(set.error())));
    }
    show(profile->account);
    return 0;
}

}  // namespace

void add_policy_command(CLI::App& app, Chosen& chosen) {
    CLI::App& command = *app.add_subcommand("policy", "show or change who may ring");
    const auto options = std::make_shared<PolicyOptions>();
    command.add_option("WHO", options->who, "nobody, contacts, followed, verified or everyone")
        ->check(CLI::IsMember(choices));
    command.add_option("--quiet", options->quiet, "HH:MM-HH:MM, local time, in which calls don't ring; or off");
    command.add_option("--silence-strangers", options->silence_strangers, "on: their calls are listed, and never ring")
        ->check(CLI::IsMember({"on", "off"}));
    add_profile_options(command, options->profile);
    command.callback([options, &chosen] { chosen = [options] { return run_policy(*options); }; });
}

}  // namespace sotto::app
