#include "base/utf8.h"

#include <doctest/doctest.h>

#include <string>

using namespace sotto;

namespace {

// How many of these strings of `size` bytes, with a first byte from `from` on, are UTF-8.
std::size_t valid_strings(std::size_t size, unsigned from, std::string_view rest = {}) {
    std::size_t valid = 0;
    const auto place = [&](auto& self, std::string& text) -> void {
        if (text.size() == size) {
            valid += is_utf8(text) ? 1 : 0;
        } else if (text.size() >= 2 && !rest.empty()) {
            for (const char byte : rest) self(self, text += byte), text.pop_back();
        } else {
            for (unsigned byte = text.empty() ? from : 0; byte < 256; ++byte) {
                self(self, text += static_cast<char>(byte)), text.pop_back();
            }
        }
    };
    std::string text;
    place(place, text);
    return valid;
}

}  // namespace

TEST_CASE("of all strings as many are UTF-8 as there are code points to write") {
    constexpr std::size_t one = 0x80, two = 0x800 - 0x80, surrogates = 0x800, three = 0x10000 - 0x800 - surrogates;
    CHECK(is_utf8(""));
    CHECK(valid_strings(1, 0) == one);
    CHECK(valid_strings(2, 0) == one * one + two);
    CHECK(valid_strings(3, 0) == one * one * one + 2 * one * two + three);
    // Of the last two bytes' 64 values each only the first and the last, and what lies beyond them.
    constexpr std::size_t four = 0x110000 - 0x10000;
    CHECK(valid_strings(4, 0xf0, "\x7f\x80\xbf\xc0") == four / 32 / 32);
}

TEST_CASE("text of several scripts is UTF-8, and what breaks off inside a character is not") {
    const std::string text = "Zoë 山田 🦊";
    CHECK(is_utf8(text));
    std::size_t whole = 0;
    for (std::size_t size = 0; size <= text.size(); ++size) whole += is_utf8(text.substr(0, size)) ? 1 : 0;
    CHECK(whole == 9);
}
