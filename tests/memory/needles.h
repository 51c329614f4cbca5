// Every secret that this process made, remembered under a mask, and a search of all its writable memory for them.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "sotto/bytes.h"

namespace sotto::test {

class Needles {
  public:
    static constexpr std::size_t size = 16;  // a secret counts as found when this much of it is

    // Those of this process. libsodium's results come here by themselves (recorded_secrets.cpp).
    static Needles& all();

    // `what` is a literal. Bytes behind the last whole needle do not count.
    void add(const char* what, Bytes secret);
    void clear();
    std::size_t count() const { return needles_.size(); }

    struct Found {
        std::string what;
        std::string where;  // the mapping's name in /proc/self/maps
    };
    // In the heap, the stacks (the part below the present depth too) and every library's data.
    std::vector<Found> search() const;

  private:
    struct Needle {
        std::uint64_t first = 0, second = 0;  // masked: the search must not find these
        const char* what = nullptr;
    };
    const Needle* at(const std::byte* bytes) const;

    std::vector<Needle> needles_;
    std::unordered_map<std::uint64_t, std::size_t> by_first_;
    std::vector<bool> likely_ = std::vector<bool>(1 << 20);  // by the low bits of `first`: most places end here
};

}  // namespace sotto::test
