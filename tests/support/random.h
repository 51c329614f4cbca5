// Randomness that replays from its seed.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <random>

#include "sotto/random.h"

namespace sotto::test {

class SeededRandom final : public Random {
  public:
    explicit SeededRandom(std::uint64_t seed) : engine_(seed) {}

    void fill(MutableBytes out) override {
        for (std::byte& b : out) b = static_cast<std::byte>(engine_());
    }
    // 0 to limit - 1.
    std::size_t below(std::size_t limit) { return static_cast<std::size_t>(engine_() % limit); }
    bool chance(double share) { return std::uniform_real_distribution<>(0, 1)(engine_) < share; }

  private:
    std::mt19937_64 engine_;
};

// Hands out the bytes it was given, once and in order, as known-answer tests need.
class GivenRandom final : public Random {
  public:
    explicit GivenRandom(Bytes bytes) : left_(bytes) {}

    void fill(MutableBytes out) override {
        if (out.size() > left_.size()) std::abort();  // the test gave too few
        std::ranges::copy(left_.first(out.size()), out.begin());
        left_ = left_.subspan(out.size());
    }
    bool spent() const { return left_.empty(); }

  private:
    Bytes left_;
};

}  // namespace sotto::test
