// Nothing that this program frees is used again: what it held when it was freed stays to be found.
#include <cstdlib>

extern "C" void free(void* /*block*/) noexcept {}
