// Redundant sound: blocks lie inside the payload, oldest first, and what is parsed is written again byte for byte.
#include "transport/red.h"

#include "fuzz/harness.h"

using namespace sotto;
using fuzz::check;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const Bytes payload = fuzz::input(data, size);
    const auto parsed = transport::parse_red(payload);
    if (!parsed) return 0;
    for (const transport::RedBlock& block : parsed->blocks()) check(fuzz::inside(block.bytes, payload));
    Buffer again(size);
    check(transport::write_red(parsed->blocks(), again) == size);
    check(std::ranges::equal(again, payload));
    return 0;
}
