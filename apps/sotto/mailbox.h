// What a device needs from whoever carries signals between people: a place for its prekey bundle, other people's
// bundles, and letters. Nothing here is trusted: bundles are signed, letters are ratchet messages.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "apps/sotto/expected.h"
#include "sotto/bytes.h"
#include "sotto/identity.h"

namespace sotto::app {

struct Letter {
    std::string from;  // the name by which the carrier knows the sender; who it is, the letter itself proves
    DeviceKey device;  // of the sender, as it says
    Buffer signal;
};

// What a device published (docs/protocol.md, "The MQTT carrier"): its bundle, and a list of devices or nothing.
struct Published {
    Bytes bundle, list;
};
inline Published parts_of(Bytes published) {
    constexpr std::size_t bundle = 1485, with_one_time_prekey = 1517;
    if (published.size() <= with_one_time_prekey) return {published, {}};
    return {published.first(bundle), published.subspan(bundle)};
}

// Names are 1 to 64 of a-z, 0-9, '-', '_' and '.'.
class Mailbox {
  public:
    virtual ~Mailbox() = default;

    // For everybody who asks, until the next one: a bundle without one-time prekeys (Account::lasting_bundle()), and
    // behind it a list of devices, if there is one.
    virtual Expected<void> publish(Bytes bundle) = 0;
    // Takes that back, with the place for letters: nobody finds this device any more.
    virtual Expected<void> withdraw() = 0;
    // What each device of that person published. Waits as long as that at most; empty: nobody of that name has
    // published any.
    virtual Expected<std::vector<Buffer>> bundles_of(const std::string& name, std::chrono::milliseconds patience) = 0;
    // Kept for a device that is off. An error only when this end can't take it: whether it arrives nobody is told.
    virtual Expected<void> send(const std::string& to, const DeviceKey& device, Bytes signal) = 0;
    // The next letter, or nothing; never waits. An error when the carrier is gone for good; while it comes back,
    // nothing.
    virtual Expected<std::optional<Letter>> receive() = 0;
    // Readable when receive() may have something.
    virtual int descriptor() const = 0;
};

}  // namespace sotto::app
