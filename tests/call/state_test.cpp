#include "call/state.h"

#include <doctest/doctest.h>

using namespace sotto;
using namespace sotto::call;

namespace {

template <class F>
void for_all_pairs(F check) {
    for (std::size_t s = 0; s < call_state_count; ++s) {
        for (std::size_t e = 0; e < call_event_count; ++e) {
            CAPTURE(s);
            CAPTURE(e);
            const auto state = static_cast<CallState>(s);
            const auto event = static_cast<CallEvent>(e);
            check(state, event, transition(state, event));
        }
    }
}

Error refusal(CallState state, CallEvent event) { return transition(state, event).error(); }

}  // namespace

TEST_CASE("a call becomes active only by both sides' consent") {
    for_all_pairs([](CallState state, CallEvent event, const Result<Transition>& step) {
        if (!step || !talking(step->next) || talking(state)) return;
        const bool ours = state == CallState::ringing && event == CallEvent::accept;
        const bool theirs = dialling(state) && event == CallEvent::peer_answered;
        const bool both_dialled = dialling(state) && event == CallEvent::offer_before_ours;
        CHECK((ours || theirs || both_dialled));
    });
}

TEST_CASE("media begin where a call becomes active and nowhere else") {
    for_all_pairs([](CallState state, CallEvent, const Result<Transition>& step) {
        if (!step) return;
        const bool begins = step->action == CallAction::start_media || step->action == CallAction::send_answer ||
                            step->action == CallAction::yield;
        CHECK(begins == (talking(step->next) && !talking(state)));
    });
}

TEST_CASE("nothing leaves the ended state, and hanging up always ends") {
    for_all_pairs([](CallState state, CallEvent event, const Result<Transition>& step) {
        if (state == CallState::ended && step) CHECK(*step == Transition{CallState::ended, CallAction::none});
        if (event == CallEvent::hang_up || event == CallEvent::peer_hung_up) CHECK(step->next == CallState::ended);
        const bool ends = step && step->next == CallState::ended && state != CallState::ended;
        const bool says_so = step && (step->action == CallAction::end || step->action == CallAction::end_and_tell);
        CHECK(ends == says_so);
    });
}

TEST_CASE("what the peer says twice happens once") {
    for_all_pairs([](CallState, CallEvent event, const Result<Transition>& step) {
        if (event < CallEvent::peer_rings || event > CallEvent::offer_after_ours || !step) return;
        const auto again = transition(step->next, event);
        if (again) CHECK(*again == Transition{step->next, CallAction::none});
    });
}

TEST_CASE("what has no place in a state is refused") {
    CHECK(refusal(CallState::calling, CallEvent::accept) == Error::wrong_state);
    CHECK(refusal(CallState::calling, CallEvent::busy) == Error::wrong_state);
    CHECK(refusal(CallState::ringing, CallEvent::peer_answered) == Error::wrong_state);
    CHECK(refusal(CallState::ringing, CallEvent::peer_rings) == Error::wrong_state);
    CHECK(refusal(CallState::active, CallEvent::peer_answered) == Error::wrong_state);
    CHECK(refusal(CallState::active, CallEvent::ring_timed_out) == Error::wrong_state);
    CHECK(refusal(CallState::calling, CallEvent::media_timed_out) == Error::wrong_state);
    CHECK(refusal(CallState::ringing, CallEvent::commitment_broken) == Error::wrong_state);
    CHECK(refusal(CallState::ringing, CallEvent::offer_before_ours) == Error::wrong_state);
    CHECK(refusal(CallState::ended, CallEvent::accept) == Error::wrong_state);
    CHECK(refusal(CallState::ended, CallEvent::peer_answered) == Error::wrong_state);
}

TEST_CASE("a broken commitment ends a call that both accepted and no other") {
    for_all_pairs([](CallState state, CallEvent event, const Result<Transition>& step) {
        if (event != CallEvent::commitment_broken) return;
        CHECK(step.has_value() == talking(state));
        if (step) CHECK(*step == Transition{CallState::ended, CallAction::end_and_tell});
    });
}
