// A session between two others: no foreign message opens, first, later or in reply, and the genuine one still does.
#include "fuzz/session_pair.h"

using namespace sotto;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const Bytes plan = fuzz::input(data, size);
    fuzz::SessionPair pair;
    crypto::Session responder = pair.accept_after(plan);
    fuzz::exchange(pair.initiator, responder, plan);
    fuzz::exchange(responder, pair.initiator, plan);
    fuzz::exchange(pair.initiator, responder, plan);
    return 0;
}
