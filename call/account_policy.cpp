// What a client says and asks about who may ring at its account.
#include "call/account_state.h"

namespace sotto {

Result<void> Account::set_policy(CallPolicy policy) {
    const auto set = state_->doorkeeper.set_policy(std::move(policy));
    if (!set) return set;
    for (const auto& [person, exception] : this->policy().exceptions) {
        if (exception == Exception::block) state_->capabilities.revoke(person);
    }
    return state_->commit();
}

const CallPolicy& Account::policy() const { return state_->doorkeeper.policy(); }

Result<void> Account::set_relationship(const PublicIdentity& person, const Relationship& relationship) {
    return state_->doorkeeper.set_relationship(person, relationship);
}

Relationship Account::relationship(const PublicIdentity& person) const {
    return state_->doorkeeper.relationship(person, *state_->contacts, state_->capability_of(person));
}

void Account::set_clock(const LocalClock& clock) { state_->doorkeeper.set_clock(clock); }

Decision Account::may_ring(const PublicIdentity& person, Instant now) const {
    return state_->doorkeeper.ask(person, *state_->contacts, now, state_->capability_of(person));
}

const std::vector<SilencedCall>& Account::silenced_calls() const { return state_->doorkeeper.silenced(); }
void Account::forget_silenced_calls() { state_->doorkeeper.forget_silenced(); }
const ReasonCounts& Account::decisions() const { return state_->doorkeeper.decisions(); }

}  // namespace sotto
