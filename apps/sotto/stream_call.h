// Calls between two programs and nobody's contacts: signals by the stream of --signal.
#pragma once

#include "apps/sotto/call_options.h"

namespace sotto::app {

int call_by_stream(CallOptions options);
int answer_by_stream(CallOptions options);

// Our user is asked about whoever calls, or only one person rings at all: what --peer, --block and --silence-strangers
// say.
Expected<CallPolicy> policy_of(const CallOptions& options);

}  // namespace sotto::app
