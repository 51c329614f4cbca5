// Which devices each identity that we know has: what its newest list says or, without a list, those we met. A value of
// its own, so that it can be kept.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <vector>

#include "crypto/device.h"
#include "sotto/account.h"

namespace sotto::call {

// Sessions and calls are with a device. The same key may be certified by two identities, of which one lies: PQXDH binds
// both, so that the liar gets no session, and here neither takes the other's place.
struct PeerDevice {
    PublicIdentity identity;
    DeviceKey device;

    friend auto operator<=>(const PeerDevice&, const PeerDevice&) = default;
};

class DeviceBook {
  public:
    bool knows(const PublicIdentity& identity) const { return identities_.contains(identity); }
    // Whether a certified device counts as its identity's. Errors: revoked (the newest list leaves it out), too_large
    // (without a list an identity has at most max_devices).
    Result<void> admit(const PeerDevice& peer) const;
    // Remembers a device, if it is admitted. An event if its identity was known, and the device was not.
    std::optional<AccountEvent> add(const PeerDevice& peer);
    // Takes a list that passed check(). Errors: outdated.
    Result<std::vector<AccountEvent>> learn(const crypto::DeviceList& list);

    // For our own identity, where its secret is: we write the list. Errors: too_large (max_devices have certificates).
    Result<void> certify(const PeerDevice& ours);
    // Errors: invalid_argument (not one that was certified).
    Result<void> remove(const PeerDevice& ours);
    // The next list's sequence. Errors: key_exhausted.
    Result<std::uint32_t> next_sequence(const PublicIdentity& ours);
    std::vector<DeviceKey> devices(const PublicIdentity& identity) const;

    Buffer encode() const;
    // Errors: truncated, malformed, unsupported_version.
    static Result<DeviceBook> restore(Bytes bytes);

  private:
    struct Known {
        bool listed = false;         // whether a list told
        std::uint32_t sequence = 0;  // of the newest list
        std::set<DeviceKey> devices;
    };
    std::map<PublicIdentity, Known> identities_;
};

}  // namespace sotto::call
