// Routes from a peer: what is parsed fits a route and is written again byte for byte.
#include "transport/ice_description.h"

#include "fuzz/harness.h"

using namespace sotto;
using fuzz::check;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const Bytes route = fuzz::input(data, size);
    const auto parsed = transport::parse_ice_description(route);
    if (!parsed) return 0;
    std::array<std::byte, transport::max_ice_description> again;
    check(transport::write_ice_description(*parsed, again) == size);
    check(std::ranges::equal(Bytes(again).first(size), route));
    return 0;
}
