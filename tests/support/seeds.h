// Seeds of runs that differ by chance alone.
#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

namespace sotto::test {

// `count` of them; under AddressSanitizer two, for a third shows it nothing new.
inline std::vector<std::uint64_t> seeds(std::uint64_t first, std::size_t count) {
#ifdef SOTTO_RUN_ONCE
    count = std::min<std::size_t>(count, 2);
#endif
    std::vector<std::uint64_t> all(count);
    std::iota(all.begin(), all.end(), first);
    return all;
}

}  // namespace sotto::test
