// A peer of an active call that holds the keys and sends anything: refused or not, it is counted and the call goes on.
#include "fuzz/hostile_peer.h"

using namespace sotto;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::HostilePeer peer;
    for (fuzz::Program program(fuzz::input(data, size)); !program.done();) peer.step(program);
    return 0;
}
