// The call's states as one table: a pure function from state and event to what happens then.
// docs/protocol.md, "Call states", prints it; tests/call/call_model_test.cpp explores what two of them can do together.
#pragma once

#include <string_view>

#include "sotto/call.h"

namespace sotto::call {

enum class CallEvent : std::uint8_t {
    // Our user.
    accept,
    hang_up,  // declines, cancels or hangs up
    busy,     // declines for another call
    // What the peer said.
    peer_rings,     // its device rings
    peer_answered,  // it accepted
    peer_hung_up,   // it declined, cancelled or hung up
    // Both dialled at once (glare), and the peer's offer came: that with the smaller call id counts, on both sides.
    offer_before_ours,
    offer_after_ours,
    peer_redialled,     // the device that we talk to offers another call: it has lost this one
    commitment_broken,  // the caller's reveal is not what its offer committed to
    // Time and network.
    ring_timed_out,
    media_stopped,  // nothing came for media_pause
    media_came,
    media_timed_out,
};
inline constexpr std::size_t call_event_count = static_cast<std::size_t>(CallEvent::media_timed_out) + 1;
inline constexpr std::size_t call_state_count = static_cast<std::size_t>(CallState::ended) + 1;

enum class CallAction : std::uint8_t {
    none,          // nobody is told: it has happened before, or does not count any more
    tell_client,   // of the new state
    send_answer,   // our user has agreed: answer the peer's offer, and media start
    start_media,   // both users have agreed
    yield,         // both dialled, and the peer's offer counts: answer that in place of ours
    end,           // the peer knows, or can't be told
    end_and_tell,  // by a hang-up
};

struct Transition {
    CallState next;
    CallAction action;
    bool operator==(const Transition&) const = default;
};

// Error::wrong_state where the event has no place in that state: it is refused, and the state stays as it is.
Result<Transition> transition(CallState state, CallEvent event);

// Both users have agreed, and media may flow.
constexpr bool talking(CallState state) { return state == CallState::active || state == CallState::reconnecting; }
// Our user has dialled, and nobody has answered yet.
constexpr bool dialling(CallState state) { return state == CallState::calling || state == CallState::alerting; }

// Why a call ends by this event in that state; a peer that hung up says so itself.
EndReason end_reason(CallState state, CallEvent event);

}  // namespace sotto::call
