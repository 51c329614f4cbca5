// Repair packets, genuine and made up: what comes back was lost or is at least a packet, and memory stays as it is.
#include "fuzz/fec_run.h"

using namespace sotto;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::FecRun run;
    for (fuzz::Program program(fuzz::input(data, size)); !program.done();) run.step(program);
    return 0;
}
