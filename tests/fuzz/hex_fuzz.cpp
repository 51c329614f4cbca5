// Hexadecimal: bytes survive being written, and text that is read is the text of its bytes.
#include "fuzz/harness.h"
#include "sotto/identity.h"

using namespace sotto;
using fuzz::check;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const Bytes bytes = fuzz::input(data, size);
    check(from_hex(to_hex(bytes)) == to_buffer(bytes));
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto read = from_hex(text);
    if (!read) return 0;
    const auto lower = [](char c) { return c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c; };
    check(std::ranges::equal(to_hex(*read), text, {}, {}, lower));
    return 0;
}
