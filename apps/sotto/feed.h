// Pictures or sound made ready on a thread of their own, so that a slow file or device never holds up the call.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "apps/sotto/expected.h"
#include "sotto/time.h"

namespace sotto::app {

// The machine's monotonic clock on Sotto's time line: the same in every process of one machine.
Instant now();

template <class Item>
class Feed {
  public:
    struct Ready {
        Item item;
        Instant made;  // when it was made: for a device, when it was captured
    };
    // `produce` gives the next item, nothing at the end, or a line that says what failed. `wake` is called after each.
    using Produce = std::function<Expected<std::optional<Item>>()>;

    Feed(Produce produce, std::size_t ahead, std::function<void()> wake)
        : produce_(std::move(produce)), ahead_(ahead), wake_(std::move(wake)), thread_([this] { run(); }) {}
    ~Feed() {
        {
            const std::lock_guard lock(mutex_);
            stopping_ = true;
        }
        room_.notify_one();
        thread_.join();
    }
    Feed(const Feed&) = delete;
    Feed& operator=(const Feed&) = delete;

    bool ready() const {
        const std::lock_guard lock(mutex_);
        return !items_.empty();
    }
    std::optional<Ready> take() {
        std::optional<Ready> taken;
        {
            const std::lock_guard lock(mutex_);
            if (items_.empty()) return std::nullopt;
            taken = std::move(items_.front());
            items_.pop_front();
        }
        room_.notify_one();
        return taken;
    }
    // Nothing more will come; take_failure() says why, once, unless it simply ended.
    bool ended() const {
        const std::lock_guard lock(mutex_);
        return ended_ && items_.empty();
    }
    std::string take_failure() {
        const std::lock_guard lock(mutex_);
        return std::exchange(failure_, {});
    }

  private:
    void run() {
        for (;;) {
            {
                std::unique_lock lock(mutex_);
                room_.wait(lock, [this] { return stopping_ || items_.size() < ahead_; });
                if (stopping_) return;
            }
            auto made = produce_();
            const bool more = made && *made;
            {
                const std::lock_guard lock(mutex_);
                if (more) items_.push_back({std::move(**made), now()});
                if (!made) failure_ = made.error();
                ended_ = !more;
            }
            wake_();
            if (!more) return;
        }
    }

    Produce produce_;
    std::size_t ahead_;
    std::function<void()> wake_;
    mutable std::mutex mutex_;
    std::condition_variable room_;
    std::deque<Ready> items_;
    bool stopping_ = false;
    bool ended_ = false;
    std::string failure_;
    std::thread thread_;  // last: it uses all of the above
};

}  // namespace sotto::app
