// That a long run goes on, and how far it is: one line on a terminal, rewritten; nothing elsewhere.
#pragma once

#include <optional>
#include <string>

#include "bench/measure.h"

namespace sotto::bench {

class Progress {
  public:
    void say(const std::string& what);
    // `done`: the share of the whole, 0 to 1, if it is known: shown as a bar.
    void tick(std::optional<double> done = {});
    void done() const;

  private:
    bool terminal_ = on_terminal();
    std::string what_;
    Clock::time_point start_ = Clock::now();
    Clock::time_point last_{};
    std::optional<double> share_;

    static bool on_terminal();
};

}  // namespace sotto::bench
