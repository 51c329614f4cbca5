// Whether bytes are UTF-8 (RFC 3629 §4): shortest forms only, no surrogates, nothing above U+10FFFF.
#pragma once

#include <string_view>

namespace sotto {

bool is_utf8(std::string_view text);

}  // namespace sotto
