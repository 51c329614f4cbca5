#include "apps/sotto/explain_contact.h"

namespace sotto::app {

std::string they_ring_us(const Profile& profile, const std::string& name, const PublicIdentity& person) {
    const Account& account = profile.account;
    const Party they{.name = name, .identity = person, .policy = {}, .other = {}};
    const Party we{.name = profile.settings.name,
                   .identity = account.identity(),
                   .policy = account.policy(),
                   .other = account.relationship(person)};
    return explain(they, we).first_to_second;
}

std::string we_ring_them(const Profile& profile, const std::string& name, const PublicIdentity& person) {
    const std::string& us = profile.settings.name;
    if (!profile.account.holds_capability(person)) {
        return us + " can't ring " + name + ": " + name + " has not given " + us +
               " a capability yet, unless they let everyone ring. \"sotto contacts add " + us + "\" at " + name +
               "'s gives one.";
    }
    const Party we{.name = us, .identity = profile.account.identity(), .policy = {}, .other = {}};
    const Party they{.name = name,
                     .identity = person,
                     .policy = {},
                     .other = {.contact = true, .capability = CapabilityState::live}};
    return explain(we, they).first_to_second + " So it was when " + name +
           " gave the capability; their settings may say else since.";
}

bool chose_direct(const Profile& profile, const PublicIdentity& person) {
    return profile.settings.direct.contains(to_hex(person.key));
}

}  // namespace sotto::app
