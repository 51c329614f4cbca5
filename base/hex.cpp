#include <string>

#include "sotto/identity.h"

namespace sotto {
namespace {

constexpr std::string_view digits = "0123456789abcdef";

int digit_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

}  // namespace

std::string to_hex(Bytes bytes) {
    std::string text;
    text.reserve(bytes.size() * 2);
    for (const std::byte b : bytes) {
        text += digits[std::to_integer<std::size_t>(b >> 4)];
        text += digits[std::to_integer<std::size_t>(b & std::byte{0x0f})];
    }
    return text;
}

Result<Buffer> from_hex(std::string_view text) {
    if (text.size() % 2 != 0) return Failure(Error::malformed);
    Buffer out;
    out.reserve(text.size() / 2);
    for (std::size_t i = 0; i < text.size(); i += 2) {
        const int high = digit_value(text[i]);
        const int low = digit_value(text[i + 1]);
        if (high < 0 || low < 0) return Failure(Error::malformed);
        out.push_back(static_cast<std::byte>(high * 16 + low));
    }
    return out;
}

}  // namespace sotto
