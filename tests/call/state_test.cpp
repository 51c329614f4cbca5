#include "call/state.h"

#include <doctest/doctest.h>

using namespace sotto;
using namespace sotto::call;

namespace {

template <class F>
void for_all_pairs(F check) {
    for (std::size_t s = 0; s < call_state_count; ++s) {
        for (std::size_t e = 0; e < call_event_count; ++e) check(static_cast<CallState>(s), static_cast<CallEvent>(e));
    }
}

}  // namespace

TEST_CASE("a call becomes active only by both sides' consent") {
    for_all_pairs([](CallState state, CallEvent event) {
        const auto next = next_state(state, event);
        if (!next || *next != CallState::active) return;
        const bool ours = state == CallState::ringing && event == CallEvent::accept;
        const bool theirs = state == CallState::calling && event == CallEvent::peer_answered;
        CHECK((ours || theirs));
    });
}

TEST_CASE("nothing leaves the ended state, and hanging up always ends") {
    for_all_pairs([](CallState state, CallEvent event) {
        const auto next = next_state(state, event);
        if (state == CallState::ended && next) CHECK(*next == CallState::ended);
        if (event == CallEvent::hang_up) CHECK(next == CallState::ended);
        if (event == CallEvent::peer_hung_up && state != CallState::ended) CHECK(next == CallState::ended);
    });
}

TEST_CASE("what has no place in a state is refused") {
    CHECK(next_state(CallState::calling, CallEvent::accept).error() == Error::wrong_state);
    CHECK(next_state(CallState::ringing, CallEvent::peer_answered).error() == Error::wrong_state);
    CHECK(next_state(CallState::active, CallEvent::peer_answered).error() == Error::wrong_state);
    CHECK(next_state(CallState::active, CallEvent::ring_timed_out).error() == Error::wrong_state);
    CHECK(next_state(CallState::calling, CallEvent::media_timed_out).error() == Error::wrong_state);
    CHECK(next_state(CallState::ringing, CallEvent::commitment_broken).error() == Error::wrong_state);
    CHECK(next_state(CallState::ended, CallEvent::peer_hung_up).error() == Error::wrong_state);
}

TEST_CASE("a broken commitment ends an active call and no other") {
    for_all_pairs([](CallState state, CallEvent event) {
        if (event != CallEvent::commitment_broken) return;
        const auto next = next_state(state, event);
        CHECK(next.has_value() == (state == CallState::active));
        if (next) CHECK(*next == CallState::ended);
    });
}
