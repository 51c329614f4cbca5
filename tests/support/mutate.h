// What a hostile network does to bytes.
#pragma once

#include <algorithm>

#include "support/random.h"

namespace sotto::test {

// How many changed inputs a test tries: the sanitizers see ten times what an ordinary run does, over a million in all.
#ifdef SOTTO_MANY_MUTATIONS
inline constexpr int mutations_share = 1;
#else
inline constexpr int mutations_share = 10;
#endif

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
