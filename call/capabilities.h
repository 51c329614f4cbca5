// The capabilities that this device gave, by which people ring here, and those that it holds, to ring others.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "call/device_book.h"
#include "crypto/capability.h"
#include "crypto/locked.h"

namespace sotto::call {

class Capabilities {
  public:
    // Of either kind: what others can make us hold is bounded.
    static constexpr std::size_t max_entries = 65536;

    // -- Given. A person has one here, whatever device they call from.

    struct Given {
        std::uint32_t number = 0;
        crypto::CapabilityView capability;  // until the next change
    };
    // The live one, or a new one where there is none. Errors: too_large, key_exhausted (the 2^32nd of a person).
    Result<Given> give(const PublicIdentity& person, Random& random);
    // Wiped, and never taken again. False if there was none.
    bool revoke(const PublicIdentity& person);
    // An older copy of these was put back, and a live one may have been revoked since: none is left, and those given
    // from now on are newer than any that were given in between.
    void withdraw_all();
    CapabilityState state(const PublicIdentity& person) const;
    CapabilityState state(const PublicIdentity& person, std::optional<crypto::CapabilityView> shown) const;
    // Of the live ones, ascending as bytes, so that their order tells nothing.
    std::vector<CapabilityHash> hashes() const;
    std::optional<CapabilityHash> hash(const PublicIdentity& person) const;

    // -- Held. Each device of a person gives its own.

    // True if it is news. Errors: outdated (it gave a later one), too_large.
    Result<bool> take(const PeerDevice& from, std::uint32_t number, crypto::CapabilityView capability);
    const crypto::Capability* held(const PeerDevice& device) const;
    bool holds_any(const PublicIdentity& person) const;
    void forget_held(auto&& matches) {
        changed_ |= std::erase_if(held_, [&](const auto& entry) { return matches(entry.first); }) > 0;
    }

    // Both outlive the program. `changed` since the last encode().
    bool changed() const { return changed_; }
    void must_be_written() { changed_ = true; }
    SecretBuffer encode();
    // Errors: truncated, malformed, unsupported_version.
    static Result<Capabilities> restore(Bytes bytes);

  private:
    struct Numbered {
        std::uint32_t number = 0;
        std::optional<crypto::Capability> capability;  // given: until it is revoked
    };
    template <class Key>
    using Table = std::map<Key, Numbered, std::less<>, crypto::LockedAllocator<std::pair<const Key, Numbered>>>;

    Table<PublicIdentity> given_;
    Table<PeerDevice> held_;
    std::uint32_t floor_ = 0;  // what is given has higher numbers
    bool changed_ = false;
};

}  // namespace sotto::call
