// Who may ring. One value says it, and one pure function decides by it: no clock, list or network is hidden inside.
//
// Whoever may not ring learns nothing: a call that is silenced or refused leaves no byte on the network, like a device
// that is off. Account asks decide() for every offer that arrives; clients ask it, and explain(), beforehand.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "sotto/capability.h"
#include "sotto/error.h"
#include "sotto/export.h"
#include "sotto/identity.h"
#include "sotto/time.h"

namespace sotto {

// A *stranger* is neither a contact nor followed nor allowed by an exception. An account that is vouched for is one,
// too: to be vouched for can be bought.

// -- What the user chooses.

// Each choice lets in those of the choices before it, too. Contacts and people we follow need a capability besides
// (sotto/capability.h): without one they are as anybody else. The other two are open doors: for somebody of whom our
// device knows nothing there is nothing to give beforehand.
enum class WhoMayRing : std::uint8_t {
    nobody,
    contacts,           // the default
    followed,           // people we follow; that they follow us counts for nothing
    verified_accounts,  // accounts that the client's service vouches for
    everyone,
};

// For one person, whatever the rest says.
enum class Exception : std::uint8_t {
    allow,  // rings, at any hour, even if nobody else may; only the limits hold, and no capability is asked for
    block,  // never rings, and is nowhere listed
};

// Minutes of the local day, 0 to 1439, in which only allowed people ring: from `from` until before `until`, over
// midnight if `from` is the later one. If both are the same there are no quiet hours.
struct QuietHours {
    std::uint16_t from = 0;
    std::uint16_t until = 0;

    friend bool operator==(const QuietHours&, const QuietHours&) = default;
};

// How many calls may ring within any `window`. Calls that did not ring don't count, so that a flood of them keeps
// nobody out. A window of zero means no limits.
struct RingLimits {
    std::uint8_t per_caller = 5;
    std::uint8_t strangers = 5;  // all together
    std::uint8_t in_all = 30;    // at most RingHistory::capacity
    std::chrono::seconds window = std::chrono::minutes(10);

    friend bool operator==(const RingLimits&, const RingLimits&) = default;
};

struct CallPolicy {
    WhoMayRing who = WhoMayRing::contacts;
    std::map<PublicIdentity, Exception> exceptions{};  // at most max_exceptions
    QuietHours quiet_hours{};
    RingLimits limits{};
    // Strangers never ring, whatever `who` says, and their calls are listed instead of refused.
    bool silence_strangers = false;

    static constexpr std::size_t max_exceptions = 4096;
    friend bool operator==(const CallPolicy&, const CallPolicy&) = default;
};

// Error::invalid_argument for a value that is outside what is said above; too_large for too many exceptions.
SOTTO_API Result<void> check(const CallPolicy& policy);

// -- What is known of a caller.

struct Relationship {
    bool contact = false;           // one of the user's names stands for this identity
    bool identity_changed = false;  // a contact's name is said to stand for this identity now: the user has to decide
    bool followed = false;          // we follow them
    bool follows_us = false;        // tells in explain() what they might expect; no way to our telephone
    bool verified_account = false;  // the client's service vouches for the account
    bool request_pending = false;   // they asked to write to us, and the user has not decided
    CapabilityState capability = CapabilityState::none;  // that we gave them

    friend bool operator==(const Relationship&, const Relationship&) = default;
};

// The calls that rang last: a plain value of a few kilobytes, whatever arrives. Ask decide() first, note what rang.
class SOTTO_API RingHistory {
  public:
    static constexpr std::size_t capacity = 64;

    void note(const PublicIdentity& caller, bool stranger, Instant at);
    // How many of them rang later than `after`.
    std::size_t by(const PublicIdentity& caller, Instant after) const;
    std::size_t by_strangers(Instant after) const;
    std::size_t in_all(Instant after) const;

    friend bool operator==(const RingHistory&, const RingHistory&) = default;

  private:
    struct Ring {
        PublicIdentity caller{};
        Instant at{};
        bool stranger = false;

        friend bool operator==(const Ring&, const Ring&) = default;
    };
    std::size_t count(Instant after, auto matches) const;

    std::array<Ring, capacity> rings_{};  // the newest overwrites the oldest
    std::size_t size_ = 0, next_ = 0;
};

// The time of day as the client knew it at some moment, by which later moments are told. Tell it again when the zone or
// summer time changes, and after the device slept.
struct LocalClock {
    Instant at{};                       // on the client's time line: then it was
    std::chrono::seconds utc{};         // since 1970, or any other midnight of UTC
    std::chrono::minutes utc_offset{};  // of local time, to the east

    friend bool operator==(const LocalClock&, const LocalClock&) = default;
};
// The minute of the local day, 0 to 1439.
SOTTO_API int local_minute(const LocalClock& clock, Instant now);

// When a call arrives. Without a local minute every hour counts as quiet, if there are quiet hours.
struct Moment {
    Instant now{};
    std::optional<int> local_minute{};
};

// -- What comes of it.

enum class Verdict : std::uint8_t {
    allow,    // rings
    silence,  // does not ring; the user finds it among the calls that did not ring, with the reason
    refuse,   // as if it had not come: only counted
};

enum class Reason : std::uint8_t {
    // allow
    excepted,
    contact,
    followed,
    verified_account,
    anybody,
    // refuse
    blocked,
    calls_off,
    capability_revoked,
    // refuse, or silence where strangers are silenced
    not_contact,
    not_followed,
    not_verified,
    // silence
    identity_changed,
    no_capability,
    capability_not_shown,
    unknown_caller,
    request_pending,
    quiet_hours,
    time_unknown,
    caller_too_often,
    strangers_too_often,
    too_often,
};
inline constexpr std::size_t reason_count = static_cast<std::size_t>(Reason::too_often) + 1;

struct Decision {
    Verdict verdict = Verdict::refuse;
    Reason reason = Reason::blocked;
    std::string_view sentence{};  // for the user who is called: one English sentence without a full stop

    friend bool operator==(const Decision&, const Decision&) = default;
};

// How often each reason decided.
struct ReasonCounts {
    std::array<std::uint64_t, reason_count> by_reason{};

    std::uint64_t& operator[](Reason reason) { return by_reason[static_cast<std::size_t>(reason)]; }
    std::uint64_t operator[](Reason reason) const { return by_reason[static_cast<std::size_t>(reason)]; }
};

// Somebody whose calls did not ring, and why the last of them did not.
struct SilencedCall {
    PublicIdentity caller{};
    Reason reason = Reason::quiet_hours;
    Instant at{};             // of the last
    std::uint64_t times = 1;  // since it was listed

    friend bool operator==(const SilencedCall&, const SilencedCall&) = default;
};

SOTTO_API std::string_view name(Verdict verdict);
SOTTO_API std::string_view name(Reason reason);      // as in the enum
SOTTO_API std::string_view describe(Reason reason);  // a Decision's sentence

// As above; what RingHistory::note() asks for.
SOTTO_API bool is_stranger(const CallPolicy& policy, const Relationship& relationship, const PublicIdentity& caller);

// Whether `caller` may ring. The first rule that applies decides:
//   1. blocked: refuse
//   2. allowed: ring, within the limits
//   3. nobody may ring: refuse
//   4. their capability was revoked: refuse
//   5. not among those who may: silence if a contact's identity has changed, or if nothing lacks but the capability;
//      else refuse, or silence if strangers are silenced
//   6. a stranger, while strangers are silenced or a message request of theirs is pending: silence
//   7. quiet hours: silence
//   8. ring, within the limits: silence beyond them
SOTTO_API Decision decide(const CallPolicy& policy, const Relationship& relationship, const PublicIdentity& caller,
                          const RingHistory& history, const Moment& moment);

// -- What to expect, before anybody rings.

// One of two people, and what they know of the other.
struct Party {
    std::string_view name{};
    PublicIdentity identity{};
    CallPolicy policy{};
    Relationship other{};
};

struct Explanation {
    Decision first_rings_second, second_rings_first;
    // Plain words for both directions, by the two names: "Ann may ring Bob: Ann is one of Bob's contacts. ..."
    std::string text{};
    // Its sentences about either direction alone.
    std::string first_to_second{}, second_to_first{};
};

// Both directions between two people who have not rung lately and outside quiet hours, which are mentioned.
SOTTO_API Explanation explain(const Party& first, const Party& second);

}  // namespace sotto
