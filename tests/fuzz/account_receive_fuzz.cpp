// Signals to an account: what nobody sealed for it is refused and counted, and the genuine one still arrives.
#include "fuzz/active_call.h"

using namespace sotto;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static fuzz::ActiveCall call;
    call.signal(fuzz::input(data, size));
    return 0;
}
