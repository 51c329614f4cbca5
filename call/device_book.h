// Which devices each identity that we know has: what its newest list says or, without a list, those we met. A value of
// its own, so that it can be kept.
#pragma once

#include <map>
#include <optional>
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

    // The number of the last call that we offered to a device, 0 for none: each later one has a higher number, so that
    // an offer which comes late is told from a new one.
    std::uint32_t last_offer(const PeerDevice& peer) const;
    std::uint32_t next_offer(const PeerDevice& peer) const;
    // That it was the next one; of a device that is in the book.
    void offered(const PeerDevice& peer);
    // What was offered since an older copy was made is not known.
    void skip_offers();

    Buffer encode() const;
    // Errors: truncated, malformed, unsupported_version.
    static Result<DeviceBook> restore(Bytes bytes);

  private:
    struct Known {
        bool listed = false;                         // whether a list told
        std::uint32_t sequence = 0;                  // of the newest list
        std::map<DeviceKey, std::uint32_t> devices;  // with the number of the last offer
    };
    std::map<PublicIdentity, Known> identities_;
};

}  // namespace sotto::call
