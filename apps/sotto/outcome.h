// What a command leaves the shell with, and one line for whoever reads.
#pragma once

#include <string>

#include "apps/sotto/expected.h"
#include "sotto/call.h"

namespace sotto::app {

inline constexpr int exit_failed = 1;         // the call was declined, not answered or lost; the numbers differ
inline constexpr int exit_unusable = 2;       // an argument, file, device, codec or state is no good
inline constexpr int exit_given_up = 3;       // this device is its person's no more
inline constexpr int exit_interrupted = 130;  // before there was a call to hang up

// Whoever interrupts us needs no explanation.
int complain(const std::string& line, int code = exit_unusable);
// After a call: 0 if it was hung up.
int finish(const Expected<EndReason>& ended);

}  // namespace sotto::app
