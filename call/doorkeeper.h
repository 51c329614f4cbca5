// Who may ring at this account: the policy, what is known of people, what rang lately, and what did not.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "sotto/contacts.h"
#include "sotto/policy.h"

namespace sotto::call {

class Doorkeeper {
  public:
    static constexpr std::size_t max_people = 65536;
    static constexpr std::size_t max_silenced = 64;

    // Errors: those of check().
    Result<void> set_policy(CallPolicy&& policy);
    const CallPolicy& policy() const { return policy_; }
    // Errors: too_large.
    Result<void> set_relationship(const PublicIdentity& person, Relationship relationship);
    Relationship relationship(const PublicIdentity& person, const Contacts& contacts,
                              CapabilityState capability = CapabilityState::none) const;
    void set_clock(const LocalClock& clock) { clock_ = clock; }

    // `capability`: what the account has of the caller's, or what the caller's offer shows of it.
    Decision ask(const PublicIdentity& caller, const Contacts& contacts, Instant now,
                 CapabilityState capability = CapabilityState::none) const;
    // A first message claims to be of this caller. True if no offer that it can hold may ring, which is counted: then
    // nothing needs to be computed for it, or spent.
    bool turns_away(const PublicIdentity& claimed, const Contacts& contacts, Instant now,
                    CapabilityState capability = CapabilityState::none);
    // An offer of this caller's is here: counts, notes what rings and lists what is silenced.
    Decision answer(const PublicIdentity& caller, const Contacts& contacts, Instant now,
                    CapabilityState capability = CapabilityState::none);
    // Whether a capability of this person's is taken: of one whom our user blocked it is not, and of those of whom
    // nothing is known here neither.
    bool takes_from(const PublicIdentity& person, const Contacts& contacts) const;
    bool blocks(const PublicIdentity& person) const;
    // Takes back what always lets them ring. False if nothing did.
    bool withdraw_exception(const PublicIdentity& person);

    const std::vector<SilencedCall>& silenced() const { return silenced_; }
    void forget_silenced() { silenced_.clear(); }
    const ReasonCounts& decisions() const { return decisions_; }

    // Policy and people, which outlive the program. `changed` since the last encode().
    bool changed() const { return changed_; }
    void must_be_written() { changed_ = true; }
    Buffer encode();
    // Errors: truncated, malformed, unsupported_version.
    static Result<Doorkeeper> restore(Bytes bytes);

  private:
    void list(const PublicIdentity& caller, Reason reason, Instant now);

    CallPolicy policy_;
    std::map<PublicIdentity, Relationship> people_;  // of whom anything is known beyond their name
    std::optional<LocalClock> clock_;
    RingHistory history_;
    std::vector<SilencedCall> silenced_;  // the newest last
    ReasonCounts decisions_;
    bool changed_ = false;
};

}  // namespace sotto::call
