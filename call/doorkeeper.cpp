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
    changed_ = true;
    if (relationship == Relationship{}) {
        people_.erase(person);
        return {};
    }
    if (people_.size() >= max_people && !people_.contains(person)) return Failure(Error::too_large);
    people_.insert_or_assign(person, relationship);
    return {};
}

Relationship Doorkeeper::relationship(const PublicIdentity& person, const Contacts& contacts) const {
    const auto known = people_.find(person);
    Relationship relationship = known == people_.end() ? Relationship{} : known->second;
    relationship.contact = contacts.name_of(person).has_value();
    relationship.identity_changed = contacts.name_changing_to(person).has_value();
    return relationship;
}

Decision Doorkeeper::ask(const PublicIdentity& caller, const Contacts& contacts, Instant now) const {
    const Moment moment{now, clock_ ? std::optional(local_minute(*clock_, now)) : std::nullopt};
    return decide(policy_, relationship(caller, contacts), caller, history_, moment);
}

bool Doorkeeper::turns_away(const PublicIdentity& claimed, const Contacts& contacts, Instant now) {
    const Decision decision = ask(claimed, contacts, now);
    if (decision.verdict != Verdict::refuse) return false;
    ++decisions_[decision.reason];
    return true;
}

Decision Doorkeeper::answer(const PublicIdentity& caller, const Contacts& contacts, Instant now) {
    const Decision decision = ask(caller, contacts, now);
    ++decisions_[decision.reason];
    if (decision.verdict == Verdict::silence) list(caller, decision.reason, now);
    if (decision.verdict == Verdict::allow) {
        history_.note(caller, is_stranger(policy_, relationship(caller, contacts), caller), now);
    }
    return decision;
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
