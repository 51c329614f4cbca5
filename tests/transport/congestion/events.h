// Things that happen at virtual times.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <queue>
#include <tuple>
#include <utility>
#include <vector>

#include "sotto/time.h"

namespace sotto::test {

using namespace std::chrono_literals;

// Things that happen at times, in order; what is due together in the order it was asked for.
class Events {
  public:
    void at(Instant when, std::function<void()> what) { queue_.push({when, count_++, std::move(what)}); }
    void after(Duration wait, std::function<void()> what) { at(now_ + wait, std::move(what)); }
    Instant now() const { return now_; }
    void run(Duration until) {
        while (!queue_.empty() && queue_.top().when.time_since_epoch() <= until) {
            now_ = queue_.top().when;
            const auto what = std::move(queue_.top().what);
            queue_.pop();
            what();
        }
    }

  private:
    struct Event {
        Instant when{};
        std::uint64_t order = 0;
        mutable std::function<void()> what{};
        bool operator<(const Event& e) const { return std::tie(e.when, e.order) < std::tie(when, order); }
    };
    std::priority_queue<Event> queue_{};
    std::uint64_t count_ = 0;
    Instant now_{};
};

}  // namespace sotto::test
