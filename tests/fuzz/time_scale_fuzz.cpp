// What a decoder gave is made shorter and longer, whatever it is.
#include "fuzz/time_scale_run.h"

using namespace sotto;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::scale_any_sound(fuzz::Program(fuzz::input(data, size)));
    return 0;
}
