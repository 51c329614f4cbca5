#include "call/state.h"

#include <array>
#include <optional>

namespace sotto::call {
namespace {

using enum CallAction;
using enum CallState;
using Row = std::array<std::optional<Transition>, call_event_count>;

constexpr std::nullopt_t no = std::nullopt;

// While nobody has answered our offer; `rings` is what news of a ringing device does.
constexpr Row dialled(CallState state, CallAction rings) {
    return {/*accept*/ no,
            /*hang_up*/ Transition{ended, end_and_tell},
            /*busy*/ no,
            /*peer_rings*/ Transition{alerting, rings},
            /*peer_answered*/ Transition{active, start_media},
            /*peer_hung_up*/ Transition{ended, end},
            /*offer_before_ours*/ Transition{active, yield},
            /*offer_after_ours*/ Transition{state, none},
            /*peer_redialled*/ no,
            /*commitment_broken*/ no,
            /*ring_timed_out*/ Transition{ended, end_and_tell},
            /*media_stopped*/ no,
            /*media_came*/ no,
            /*media_timed_out*/ no};
}

constexpr Row rung{/*accept*/ Transition{active, send_answer},
                   /*hang_up*/ Transition{ended, end_and_tell},
                   /*busy*/ Transition{ended, end_and_tell},
                   /*peer_rings*/ no,
                   /*peer_answered*/ no,
                   /*peer_hung_up*/ Transition{ended, end},
                   /*offer_before_ours*/ no,
                   /*offer_after_ours*/ no,
                   /*peer_redialled*/ no,
                   /*commitment_broken*/ no,
                   /*ring_timed_out*/ Transition{ended, end},
                   /*media_stopped*/ no,
                   /*media_came*/ no,
                   /*media_timed_out*/ no};

// Both have agreed; `stopped` and `came` are what the network's silence and its end do.
constexpr Row agreed(CallState state, CallAction stopped, CallAction came) {
    return {/*accept*/ no,
            /*hang_up*/ Transition{ended, end_and_tell},
            /*busy*/ no,
            /*peer_rings*/ Transition{state, none},  // overtaken by the answer
            /*peer_answered*/ no,
            /*peer_hung_up*/ Transition{ended, end},
            /*offer_before_ours*/ no,
            /*offer_after_ours*/ no,
            /*peer_redialled*/ Transition{ended, end},
            /*commitment_broken*/ Transition{ended, end_and_tell},
            /*ring_timed_out*/ no,
            /*media_stopped*/ Transition{reconnecting, stopped},
            /*media_came*/ Transition{active, came},
            /*media_timed_out*/ Transition{ended, end}};
}

constexpr Row over{/*accept*/ no,
                   /*hang_up*/ Transition{ended, none},
                   /*busy*/ no,
                   /*peer_rings*/ Transition{ended, none},
                   /*peer_answered*/ no,
                   /*peer_hung_up*/ Transition{ended, none},  // both hung up, or its BYE came first
                   /*offer_before_ours*/ no,
                   /*offer_after_ours*/ no,
                   /*peer_redialled*/ no,
                   /*commitment_broken*/ no,
                   /*ring_timed_out*/ no,
                   /*media_stopped*/ no,
                   /*media_came*/ no,
                   /*media_timed_out*/ no};

constexpr std::array<Row, call_state_count> table{{
    /*calling*/ dialled(calling, tell_client),
    /*alerting*/ dialled(alerting, none),
    /*ringing*/ rung,
    /*active*/ agreed(active, tell_client, none),
    /*reconnecting*/ agreed(reconnecting, none, tell_client),
    /*ended*/ over,
}};

}  // namespace

Result<Transition> transition(CallState state, CallEvent event) {
    const auto& entry = table[static_cast<std::size_t>(state)][static_cast<std::size_t>(event)];
    if (!entry) return Failure(Error::wrong_state);
    return *entry;
}

EndReason end_reason(CallState state, CallEvent event) {
    switch (event) {
        case CallEvent::busy: return EndReason::busy;
        case CallEvent::commitment_broken: return EndReason::tampered;
        case CallEvent::ring_timed_out: return EndReason::not_answered;
        case CallEvent::peer_redialled:
        case CallEvent::media_timed_out: return EndReason::lost;
        default: break;
    }
    if (dialling(state)) return EndReason::cancelled;
    return state == ringing ? EndReason::declined : EndReason::hung_up;
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
        case EndReason::busy: return "busy";
        case EndReason::elsewhere: return "taken on another device";
    }
    return "ended";
}

}  // namespace sotto
