// The way that a call's signals take at the command line: a stream to the other side, or a mailbox's letters.
#pragma once

#include <optional>

#include "apps/sotto/expected.h"
#include "sotto/call.h"

namespace sotto::app {

class SignalPath {
  public:
    virtual ~SignalPath() = default;

    virtual Expected<void> send(const Signal& signal) = 0;
    // The next signal for the account, or nothing; never waits. An error when the way is gone for good.
    virtual Expected<std::optional<Buffer>> receive() = 0;
    // How long ago that was sent, where the way tells.
    virtual Duration age() const { return {}; }
    // Readable when receive() may have something.
    virtual int descriptor() const = 0;
};

}  // namespace sotto::app
