// A peer that seals anything in a genuine session: calls ring, run and end as their states allow, and nothing else.
#include "fuzz/hostile_signals.h"

using namespace sotto;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static fuzz::HostileSignals peer;
    peer.run(fuzz::Program(fuzz::input(data, size)));
    return 0;
}
