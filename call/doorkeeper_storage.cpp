// Stored: version = 1 || who || flags (1 strangers are silenced) || BE16(quiet from) || BE16(quiet until) || limits:
// per caller, strangers, in all (1 each) || BE32(window in s) || BE32(n) || n exceptions: identity || 0 allow, 1 block
// || BE32(m) || m people: identity || flags (1 followed, 2 follows us, 4 verified account, 8 request pending), not 0.
// Identities are strictly ascending as bytes.
#include "base/byte_reader.h"
#include "base/byte_writer.h"
#include "call/doorkeeper.h"

namespace sotto::call {
namespace {

constexpr std::uint8_t version = 1;
constexpr std::uint8_t silence_flag = 1;
constexpr std::uint8_t all_flags = 15;
constexpr std::size_t fixed_size = 14;
constexpr std::size_t entry_size = PublicIdentity::size + 1;

std::uint8_t flags_of(const Relationship& known) {
    return static_cast<std::uint8_t>((known.followed ? 1 : 0) | (known.follows_us ? 2 : 0) |
                                     (known.verified_account ? 4 : 0) | (known.request_pending ? 8 : 0));
}

Relationship relationship_of(std::uint8_t flags) {
    return {.followed = (flags & 1) != 0,
            .follows_us = (flags & 2) != 0,
            .verified_account = (flags & 4) != 0,
            .request_pending = (flags & 8) != 0};
}

Result<CallPolicy> parse_fixed(ByteReader& in) {
    const auto who = in.u8();
    const auto flags = in.u8();
    const auto from = in.u16();
    const auto until = in.u16();
    const auto per_caller = in.u8();
    const auto strangers = in.u8();
    const auto in_all = in.u8();
    const auto window = in.u32();
    if (!window) return Failure(Error::truncated);
    if ((*flags & ~silence_flag) != 0) return Failure(Error::malformed);
    return CallPolicy{.who = static_cast<WhoMayRing>(*who),
                      .exceptions = {},
                      .quiet_hours = {*from, *until},
                      .limits = {*per_caller, *strangers, *in_all, std::chrono::seconds(*window)},
                      .silence_strangers = (*flags & silence_flag) != 0};
}

// Identities and one byte each, given to `take`, which says whether it is a known one.
Result<void> parse_entries(ByteReader& in, std::size_t most, auto take) {
    const auto count = in.u32();
    if (!count) return Failure(count.error());
    if (*count > most) return Failure(Error::malformed);
    std::optional<PublicIdentity> before;
    for (std::uint32_t i = 0; i < *count; ++i) {
        const auto key = in.array<PublicIdentity::size>();
        const auto value = in.u8();
        if (!key || !value) return Failure(Error::truncated);
        const PublicIdentity identity{*key};
        if ((before && *before >= identity) || !take(identity, *value)) return Failure(Error::malformed);
        before = identity;
    }
    return {};
}

}  // namespace

Buffer Doorkeeper::encode() {
    changed_ = false;
    Buffer stored(fixed_size + 8 + (policy_.exceptions.size() + people_.size()) * entry_size);
    ByteWriter out(stored);
    out.u8(version).u8(static_cast<std::uint8_t>(policy_.who)).u8(policy_.silence_strangers ? silence_flag : 0);
    out.u16(policy_.quiet_hours.from).u16(policy_.quiet_hours.until);
    const RingLimits& limits = policy_.limits;
    out.u8(limits.per_caller).u8(limits.strangers).u8(limits.in_all);
    out.u32(static_cast<std::uint32_t>(limits.window.count()));
    out.u32(static_cast<std::uint32_t>(policy_.exceptions.size()));
    for (const auto& [who, exception] : policy_.exceptions) out.bytes(who.key).u8(static_cast<std::uint8_t>(exception));
    out.u32(static_cast<std::uint32_t>(people_.size()));
    for (const auto& [who, relationship] : people_) out.bytes(who.key).u8(flags_of(relationship));
    return stored;
}

Result<Doorkeeper> Doorkeeper::restore(Bytes bytes) {
    ByteReader in(bytes);
    const auto seen_version = in.u8();
    if (!seen_version) return Failure(Error::truncated);
    if (*seen_version != version) return Failure(Error::unsupported_version);
    auto policy = parse_fixed(in);
    if (!policy) return Failure(policy.error());
    Doorkeeper restored;
    const auto exceptions = parse_entries(in, CallPolicy::max_exceptions, [&](const auto& who, std::uint8_t value) {
        policy->exceptions.emplace(who, static_cast<Exception>(value));
        return true;  // check() knows them
    });
    if (!exceptions) return Failure(exceptions.error());
    const auto people = parse_entries(in, max_people, [&](const auto& who, std::uint8_t value) {
        restored.people_.emplace(who, relationship_of(value));
        return value != 0 && value <= all_flags;
    });
    if (!people) return Failure(people.error());
    if (!in.empty() || !check(*policy)) return Failure(Error::malformed);
    restored.policy_ = std::move(*policy);
    return restored;
}

}  // namespace sotto::call
