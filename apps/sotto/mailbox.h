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

// Names are 1 to 64 of a-z, 0-9, '-', '_' and '.'.
class Mailbox {
  public:
    virtual ~Mailbox() = default;

    // For everybody who asks, until the next one: without one-time prekeys (Account::lasting_bundle()).
    virtual Expected<void> publish(Bytes bundle) = 0;
    // Takes that back, with the place for letters: nobody finds this device any more.
    virtual Expected<void> withdraw() = 0;
    // One bundle a device of that person. Waits as long as that at most; empty: nobody of that name has published any.
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
