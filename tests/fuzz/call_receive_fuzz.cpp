// Datagrams to an active call, in virtual time: what the peer did not send is refused and counted, the call goes on.
#include "fuzz/active_call.h"

using namespace sotto;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static fuzz::ActiveCall call;
    for (fuzz::Program program(fuzz::input(data, size)); !program.done();) call.datagrams(program);
    return 0;
}
