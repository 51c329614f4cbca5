// The call's states as one table: a pure function from state and event to the next state.
#pragma once

#include <string_view>

#include "sotto/call.h"

namespace sotto::call {

enum class CallEvent : std::uint8_t {
    accept,         // our user answers
    hang_up,        // our user declines, cancels or hangs up
    peer_answered,  // the peer's answer came
    peer_hung_up,   // the peer's hang-up, cancel or decline came
    ring_timed_out,
    media_timed_out,
    commitment_broken,  // the caller's reveal is not what its offer committed to
};
inline constexpr std::size_t call_event_count = static_cast<std::size_t>(CallEvent::commitment_broken) + 1;
inline constexpr std::size_t call_state_count = static_cast<std::size_t>(CallState::ended) + 1;

// Error::wrong_state where the event has no place in that state; the state then stays as it is.
Result<CallState> next_state(CallState state, CallEvent event);

// Why a call ends when our user hangs up in that state.
EndReason hang_up_reason(CallState state);

}  // namespace sotto::call
