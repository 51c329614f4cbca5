// Congestion feedback: whatever a peer reports, each packet is told of once, as it was sent.
#include "fuzz/feedback_run.h"

using namespace sotto;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::FeedbackRun run;
    for (fuzz::Program program(fuzz::input(data, size)); !program.done();) run.step(program);
    return 0;
}
