// A session between two others: no foreign message opens, first, later or in reply, and the genuine one still does.
#include "fuzz/session_pair.h"

using namespace sotto;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const Bytes plan = fuzz::input(data, size);
    fuzz::SessionPair pair;
    crypto::Session responder = pair.accept_after(plan);
    // An initial message, two that begin a chain, and one of an answered chain.
    fuzz::exchange(pair.initiator, responder, crypto::Step::keep, plan);
    fuzz::exchange(responder, pair.initiator, crypto::Step::fresh, plan);
    fuzz::exchange(pair.initiator, responder, crypto::Step::fresh, plan);
    fuzz::exchange(responder, pair.initiator, crypto::Step::keep, plan);
    return 0;
}
