// Calls with people by the state: names, letters, who may ring.
#pragma once

#include "apps/sotto/call_options.h"

namespace sotto::app {

int call_by_name(CallOptions options);
// Rings until one call was taken, or we are interrupted; then tells which calls did not ring, and why.
int answer_people(CallOptions options);

// What goes with --signal alone is none of these calls'.
Expected<void> check_for_people(const CallOptions& options);
// The relay that the command names, or else the state.
void take_relay(CallOptions& options, const Settings& settings);

}  // namespace sotto::app
