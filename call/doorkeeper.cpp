#include "call/doorkeeper.h"

#include <algorithm>

namespace sotto::call {

Result<void> Doorkeeper::set_policy(CallPolicy&& policy) {
    const auto valid = check(policy);
    if (!valid) return valid;
    policy_ = std::move(policy);
    changed_ = true;
    return {};
}

Result<void> Doorkeeper::set_relationship(const PublicIdentity& person, Relationship relationship) {
    relationship.contact = relationship.identity_changed = false;
    relationship.capability = CapabilityState::none;
    changed_ = true;
    if (relationship == Relationship{}) {
        people_.erase(person);
        return {};
    }
    if (people_.size() >= max_people && !people_.contains(person)) return Failure(Error::too_large);
    people_.insert_or_assign(person, relationship);
    return {};
}

Relationship Doorkeeper::relationship(const PublicIdentity& person, const Contacts& contacts,
                                      CapabilityState capability) const {
    const auto known = people_.find(person);
    Relationship relationship = known == people_.end() ? Relationship{} : known->second;
    relationship.contact = contacts.name_of(person).has_value();
    relationship.identity_changed = contacts.name_changing_to(person).has_value();
    relationship.capability = capability;
    return relationship;
}

Decision Doorkeeper::ask(const PublicIdentity& caller, const Contacts& contacts, Instant now,
                         CapabilityState capability) const {
    const Moment moment{now, clock_ ? std::optional(local_minute(*clock_, now)) : std::nullopt};
    return decide(policy_, relationship(caller, contacts, capability), caller, history_, moment);
}

bool Doorkeeper::turns_away(const PublicIdentity& claimed, const Contacts& contacts, Instant now,
                            CapabilityState capability) {
    const Decision decision = ask(claimed, contacts, now, capability);
    if (decision.verdict != Verdict::refuse) return false;
    ++decisions_[decision.reason];
    return true;
}

Decision Doorkeeper::answer(const PublicIdentity& caller, const Contacts& contacts, Instant now,
                            CapabilityState capability) {
    const Decision decision = ask(caller, contacts, now, capability);
    ++decisions_[decision.reason];
    if (decision.verdict == Verdict::silence) list(caller, decision.reason, now);
    if (decision.verdict == Verdict::allow) {
        history_.note(caller, is_stranger(policy_, relationship(caller, contacts), caller), now);
    }
    return decision;
}

bool Doorkeeper::blocks(const PublicIdentity& person) const {
    const auto exception = policy_.exceptions.find(person);
    return exception != policy_.exceptions.end() && exception->second != Exception::allow;
}

bool Doorkeeper::takes_from(const PublicIdentity& person, const Contacts& contacts) const {
    return !blocks(person) && !is_stranger(policy_, relationship(person, contacts), person);
}

bool Doorkeeper::withdraw_exception(const PublicIdentity& person) {
    const auto exception = policy_.exceptions.find(person);
    if (exception == policy_.exceptions.end() || exception->second != Exception::allow) return false;
    policy_.exceptions.erase(exception);
    changed_ = true;
    return true;
}

void Doorkeeper::list(const PublicIdentity& caller, Reason reason, Instant now) {
    SilencedCall call{.caller = caller, .reason = reason, .at = now};
    const auto before = std::ranges::find(silenced_, caller, &SilencedCall::caller);
    if (before != silenced_.end()) {
        call.times += before->times;
        silenced_.erase(before);
    }
    if (silenced_.size() == max_silenced) silenced_.erase(silenced_.begin());
    silenced_.push_back(call);
}

}  // namespace sotto::call
