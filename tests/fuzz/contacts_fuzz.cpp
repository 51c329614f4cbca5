// Stored contacts: what is parsed encodes to exactly the bytes it came as.
#include "sotto/contacts.h"

#include "fuzz/harness.h"

using namespace sotto;
using fuzz::check;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const Bytes stored = fuzz::input(data, size);
    const auto contacts = Contacts::parse(stored);
    if (!contacts) return 0;
    check(std::ranges::equal(contacts->encode(), stored));
    return 0;
}
