#include "sotto/policy.h"

#include <algorithm>
#include <span>

namespace sotto {
namespace {

constexpr std::chrono::seconds max_window = std::chrono::hours(24);
constexpr int minutes_a_day = 24 * 60;

Decision decided(Verdict verdict, Reason reason) { return {verdict, reason, describe(reason)}; }

std::optional<Exception> exception_for(const CallPolicy& policy, const PublicIdentity& caller) {
    const auto found = policy.exceptions.find(caller);
    if (found == policy.exceptions.end()) return std::nullopt;
    return found->second;
}

// By which of its grounds the policy lets them in, if by any.
std::optional<Reason> admitted_as(WhoMayRing who, const Relationship& relationship) {
    const bool key = relationship.capability == CapabilityState::live;
    if (key && who >= WhoMayRing::contacts && relationship.contact) return Reason::contact;
    if (key && who >= WhoMayRing::followed && relationship.followed) return Reason::followed;
    if (who >= WhoMayRing::verified_accounts && relationship.verified_account) return Reason::verified_account;
    if (who >= WhoMayRing::everyone) return Reason::anybody;
    return std::nullopt;
}

Reason lacking(WhoMayRing who, const Relationship& relationship) {
    const bool expected = relationship.contact || (who >= WhoMayRing::followed && relationship.followed);
    if (expected && relationship.capability == CapabilityState::none) return Reason::no_capability;
    if (expected) return Reason::capability_not_shown;
    switch (who) {
        case WhoMayRing::contacts: return Reason::not_contact;
        case WhoMayRing::followed: return Reason::not_followed;
        case WhoMayRing::verified_accounts: return Reason::not_verified;
        case WhoMayRing::nobody:
        case WhoMayRing::everyone: break;
    }
    return Reason::calls_off;
}

Decision not_admitted(const CallPolicy& policy, const Relationship& relationship) {
    if (relationship.identity_changed) return decided(Verdict::silence, Reason::identity_changed);
    const Reason reason = lacking(policy.who, relationship);
    const bool key_lacks = reason == Reason::no_capability || reason == Reason::capability_not_shown;
    return decided(key_lacks || policy.silence_strangers ? Verdict::silence : Verdict::refuse, reason);
}

std::optional<Reason> quiet(const QuietHours& hours, std::optional<int> minute) {
    const int length = (hours.until - hours.from + minutes_a_day) % minutes_a_day;
    if (length == 0) return std::nullopt;
    if (!minute) return Reason::time_unknown;
    const int since = ((*minute - hours.from) % minutes_a_day + minutes_a_day) % minutes_a_day;
    return since < length ? std::optional(Reason::quiet_hours) : std::nullopt;
}

std::optional<Reason> too_often(const RingLimits& limits, const RingHistory& history, const PublicIdentity& caller,
                                bool stranger, Instant now) {
    if (limits.window <= std::chrono::seconds(0)) return std::nullopt;
    const Instant after = now - limits.window;
    if (history.by(caller, after) >= limits.per_caller) return Reason::caller_too_often;
    if (stranger && history.by_strangers(after) >= limits.strangers) return Reason::strangers_too_often;
    const std::size_t most = std::min<std::size_t>(limits.in_all, RingHistory::capacity);
    if (history.in_all(after) >= most) return Reason::too_often;
    return std::nullopt;
}

}  // namespace

Result<void> check(const CallPolicy& policy) {
    const auto known = [](Exception exception) { return exception <= Exception::block; };
    if (policy.exceptions.size() > CallPolicy::max_exceptions) return Failure(Error::too_large);
    const bool valid = policy.who <= WhoMayRing::everyone && policy.quiet_hours.from < minutes_a_day &&
                       policy.quiet_hours.until < minutes_a_day && policy.limits.in_all <= RingHistory::capacity &&
                       policy.limits.window >= std::chrono::seconds(0) && policy.limits.window <= max_window &&
                       std::ranges::all_of(policy.exceptions, [&](const auto& entry) { return known(entry.second); });
    if (!valid) return Failure(Error::invalid_argument);
    return {};
}

void RingHistory::note(const PublicIdentity& caller, bool stranger, Instant at) {
    rings_[next_] = {caller, at, stranger};
    next_ = (next_ + 1) % capacity;
    size_ = std::min(size_ + 1, capacity);
}

std::size_t RingHistory::count(Instant after, auto matches) const {
    const std::span<const Ring> kept = std::span(rings_).first(size_);
    return static_cast<std::size_t>(
        std::ranges::count_if(kept, [&](const Ring& ring) { return ring.at > after && matches(ring); }));
}

std::size_t RingHistory::by(const PublicIdentity& caller, Instant after) const {
    return count(after, [&](const Ring& ring) { return ring.caller == caller; });
}

std::size_t RingHistory::by_strangers(Instant after) const {
    return count(after, [](const Ring& ring) { return ring.stranger; });
}

std::size_t RingHistory::in_all(Instant after) const {
    return count(after, [](const Ring&) { return true; });
}

int local_minute(const LocalClock& clock, Instant now) {
    const auto local = clock.utc + clock.utc_offset + std::chrono::floor<std::chrono::seconds>(now - clock.at);
    const auto minutes = std::chrono::floor<std::chrono::minutes>(local).count() % minutes_a_day;
    return static_cast<int>((minutes + minutes_a_day) % minutes_a_day);
}

bool is_stranger(const CallPolicy& policy, const Relationship& relationship, const PublicIdentity& caller) {
    return !relationship.contact && !relationship.followed && exception_for(policy, caller) != Exception::allow;
}

Decision decide(const CallPolicy& policy, const Relationship& relationship, const PublicIdentity& caller,
                const RingHistory& history, const Moment& moment) {
    const bool stranger = is_stranger(policy, relationship, caller);
    const auto within_limits = [&](Reason reason) {
        const auto beyond = too_often(policy.limits, history, caller, stranger, moment.now);
        return beyond ? decided(Verdict::silence, *beyond) : decided(Verdict::allow, reason);
    };
    if (const auto exception = exception_for(policy, caller)) {
        if (*exception != Exception::allow) return decided(Verdict::refuse, Reason::blocked);
        return within_limits(Reason::excepted);
    }
    if (policy.who == WhoMayRing::nobody) return decided(Verdict::refuse, Reason::calls_off);
    if (relationship.capability == CapabilityState::revoked) {
        return decided(Verdict::refuse, Reason::capability_revoked);
    }
    const auto ground = admitted_as(policy.who, relationship);
    if (!ground) return not_admitted(policy, relationship);
    if (stranger && relationship.request_pending) return decided(Verdict::silence, Reason::request_pending);
    if (stranger && policy.silence_strangers) return decided(Verdict::silence, Reason::unknown_caller);
    if (const auto hours = quiet(policy.quiet_hours, moment.local_minute)) return decided(Verdict::silence, *hours);
    return within_limits(*ground);
}

}  // namespace sotto
