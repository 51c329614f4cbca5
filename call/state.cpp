#include "call/state.h"

#include <array>
#include <optional>

namespace sotto::call {
namespace {

using enum CallState;
using Row = std::array<std::optional<CallState>, call_event_count>;

constexpr std::nullopt_t no = std::nullopt;

// One row a state; docs/protocol.md, "Call states", prints it.
constexpr std::array<Row, call_state_count> table{{
    //         accept  hang_up peer_answered peer_hung_up ring_timed_out media_timed_out commitment_broken
    /*calling*/ {no, ended, active, ended, ended, no, no},
    /*ringing*/ {active, ended, no, ended, ended, no, no},
    /*active*/ {no, ended, no, ended, no, ended, ended},
    /*ended*/ {no, ended, no, no, no, no, no},
}};

}  // namespace

Result<CallState> next_state(CallState state, CallEvent event) {
    const auto next = table[static_cast<std::size_t>(state)][static_cast<std::size_t>(event)];
    if (!next) return Failure(Error::wrong_state);
    return *next;
}

EndReason hang_up_reason(CallState state) {
    switch (state) {
        case calling: return EndReason::cancelled;
        case ringing: return EndReason::declined;
        case active:
        case ended: break;
    }
    return EndReason::hung_up;
}

}  // namespace sotto::call

namespace sotto {

std::string_view name(EndReason reason) {
    switch (reason) {
        case EndReason::hung_up: return "hung up";
        case EndReason::declined: return "declined";
        case EndReason::cancelled: return "cancelled";
        case EndReason::not_answered: return "not answered";
        case EndReason::lost: return "connection lost";
        case EndReason::tampered: return "tampered with";
    }
    return "ended";
}

}  // namespace sotto
