// Call signals: one that is understood encodes to exactly the bytes it came as.
#include "call/signal.h"

#include "fuzz/harness.h"

using namespace sotto;
using fuzz::check;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const Bytes plaintext = fuzz::input(data, size);
    const auto signal = call::parse_signal(plaintext);
    if (!signal) return 0;
    if (const auto* route = std::get_if<call::Route>(&signal->body)) check(fuzz::inside(route->route, plaintext));
    const auto again = call::encode(*signal);
    check(again && std::ranges::equal(*again, plaintext));
    return 0;
}
