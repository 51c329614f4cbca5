// The audio jitter buffer: a block each turn, in order, none twice, whatever arrives when.
#include "fuzz/audio_buffer_run.h"

using namespace sotto;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::AudioBufferRun run;
    for (fuzz::Program program(fuzz::input(data, size)); !program.done();) run.step(program);
    return 0;
}
