// Randomness that replays from its seed.
#pragma once

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

}  // namespace sotto::test
