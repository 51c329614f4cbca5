#include "base/utf8.h"

#include <cstddef>

namespace sotto {
namespace {

constexpr bool within(unsigned char byte, unsigned low, unsigned high) { return byte >= low && byte <= high; }

// The length of the sequence that begins with these two bytes, 0 if none may (RFC 3629 §4, the syntax of UTF8-char).
constexpr std::size_t sequence_length(unsigned char first, unsigned char second) {
    if (within(first, 0x00, 0x7f)) return 1;
    if (within(first, 0xc2, 0xdf) && within(second, 0x80, 0xbf)) return 2;
    if (first == 0xe0 && within(second, 0xa0, 0xbf)) return 3;
    if (first == 0xed && within(second, 0x80, 0x9f)) return 3;
    if (within(first, 0xe1, 0xef) && first != 0xed && within(second, 0x80, 0xbf)) return 3;
    if (first == 0xf0 && within(second, 0x90, 0xbf)) return 4;
    if (within(first, 0xf1, 0xf3) && within(second, 0x80, 0xbf)) return 4;
    if (first == 0xf4 && within(second, 0x80, 0x8f)) return 4;
    return 0;
}

}  // namespace

bool is_utf8(std::string_view text) {
    while (!text.empty()) {
        const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(i < text.size() ? text[i] : '\0'); };
        const std::size_t length = sequence_length(byte(0), byte(1));
        if (length == 0 || length > text.size()) return false;
        for (std::size_t i = 2; i < length; ++i) {
            if (!within(byte(i), 0x80, 0xbf)) return false;
        }
        text.remove_prefix(length);
    }
    return true;
}

}  // namespace sotto
