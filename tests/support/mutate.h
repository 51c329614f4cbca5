// What a hostile network does to bytes.
#pragma once

#include <algorithm>

#include "support/random.h"

namespace sotto::test {

// Up to four random bits flipped; never the same bytes.
inline Buffer flipped(Bytes bytes, SeededRandom& random) {
    Buffer changed = to_buffer(bytes);
    if (changed.empty()) return changed;
    do {
        for (std::size_t flips = 1 + random.below(4); flips > 0; --flips) {
            changed[random.below(changed.size())] ^= static_cast<std::byte>(1U << random.below(8));
        }
    } while (std::ranges::equal(changed, bytes));  // two flips of one bit cancel
    return changed;
}

}  // namespace sotto::test
