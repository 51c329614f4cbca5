// NACKs: in order, for nothing that came or is past, each packet a few times only.
#include "fuzz/nack_run.h"

using namespace sotto;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::NackRun run;
    for (fuzz::Program program(fuzz::input(data, size)); !program.done();) run.step(program);
    return 0;
}
