// The video jitter buffer: whole frames in order, each once, whatever arrives when.
#include "fuzz/video_buffer_run.h"

using namespace sotto;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::VideoBufferRun run;
    for (fuzz::Program program(fuzz::input(data, size)); !program.done();) run.step(program);
    return 0;
}
