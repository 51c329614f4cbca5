// The drop-tail queue before a link: by a rate, or by a trace. A packet's departure is known when it comes.
#pragma once

#include <deque>
#include <memory>

#include "sim/trace.h"

namespace sotto::test {

struct QueueConditions {
    std::int64_t rate = 0;                            // bit/s; 0: no limit
    Duration queue = std::chrono::milliseconds(200);  // whoever would wait for longer is dropped, as linkem does
    std::shared_ptr<const Trace> trace{};             // instead of a rate, from the first packet on
    std::int64_t trace_queue = 150'000;               // bytes waiting at most: a trace tells of no rate
};

class LinkQueue {
  public:
    void set(const QueueConditions& conditions) {
        if (conditions.trace != conditions_.trace) start_.reset();
        conditions_ = conditions;
    }

    // When the last byte of a packet that comes now has left; nothing if the queue is full. `now` never goes back.
    std::optional<Instant> depart(std::int64_t bytes, Instant now) {
        if (conditions_.trace) return depart_by_trace(bytes, now);
        if (conditions_.rate == 0) return std::max(now, busy_);
        const Instant begin = std::max(now, busy_);
        if (begin - now > conditions_.queue) return std::nullopt;
        busy_ = begin + time_for(bytes, conditions_.rate);
        return busy_;
    }

  private:
    // 64 bits hold 10^9 bytes in nanoseconds times bits: more than any packet has.
    static Duration time_for(std::int64_t bytes, std::int64_t rate) {
        return Duration((bytes * 8 * 1'000'000'000 + rate / 2) / rate);
    }

    std::optional<Instant> depart_by_trace(std::int64_t bytes, Instant now) {
        while (!waiting_.empty() && waiting_.front().leaves <= now) {
            held_ -= waiting_.front().bytes;
            waiting_.pop_front();
        }
        if (held_ + bytes > conditions_.trace_queue) return std::nullopt;
        if (!start_) start(std::max(now, busy_));
        const Trace& trace = *conditions_.trace;
        // What nobody used of an opportunity that has passed is gone.
        if (*start_ + trace.time(opportunity_) < now) take(trace.first_from(now - *start_));
        std::int64_t rest = bytes;
        for (; rest > left_; take(opportunity_ + 1)) rest -= left_;
        left_ -= rest;
        busy_ = std::max(busy_, *start_ + trace.time(opportunity_));
        waiting_.push_back({.leaves = busy_, .bytes = bytes});
        held_ += bytes;
        return busy_;
    }
    void start(Instant now) {
        start_ = now;
        take(0);
    }
    void take(std::int64_t opportunity) {
        opportunity_ = opportunity;
        left_ = Trace::bytes_a_line;
    }

    struct Waiting {
        Instant leaves{};
        std::int64_t bytes = 0;
    };
    QueueConditions conditions_{};
    Instant busy_ = Instant::min();  // until then, with what is here
    std::optional<Instant> start_{};
    std::int64_t opportunity_ = 0, left_ = 0;  // bytes of it
    std::deque<Waiting> waiting_{};
    std::int64_t held_ = 0;  // bytes
};

}  // namespace sotto::test
