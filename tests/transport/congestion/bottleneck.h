// A bottleneck in virtual time for rate control: one queue, and what those who share it got.
#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <numeric>

#include "transport/congestion/events.h"

namespace sotto::test {

struct RateStep {
    Duration at{};
    double rate = 0;  // bit/s; 0: no limit
};

// A drop-tail queue before a link whose rate follows a schedule.
class Bottleneck {
  public:
    Bottleneck(Events& events, std::vector<RateStep> steps, Duration queue)
        : events_(events), steps_(std::move(steps)), limit_(queue) {}

    // `out` is called when the packet has passed; never for a dropped one.
    void send(std::size_t bytes, std::function<void(Duration waited)> out) {
        if (rate() == 0) return out(0ns);
        if (time_for(held_ + bytes) > limit_ + time_for(1200)) {
            ++dropped_;
            return;
        }
        held_ += bytes;
        waiting_.push_back({bytes, events_.now(), std::move(out)});
        if (waiting_.size() == 1) serve();
    }
    int dropped() const { return dropped_; }
    double rate() const {
        double rate = 0;
        for (const RateStep& s : steps_) {
            if (s.at <= events_.now().time_since_epoch()) rate = s.rate;
        }
        return rate;
    }

  private:
    struct Waiting {
        std::size_t bytes;
        Instant since;
        std::function<void(Duration)> out;
    };
    Duration time_for(std::size_t bytes) const {
        return rate() == 0 ? Duration{}
                           : Duration(static_cast<std::int64_t>(static_cast<double>(bytes) * 8e9 / rate()));
    }
    void serve() {
        const Duration waited = events_.now() - waiting_.front().since;
        events_.after(time_for(waiting_.front().bytes), [this, waited] {
            const Waiting first = std::move(waiting_.front());
            waiting_.pop_front();
            held_ -= first.bytes;
            if (!waiting_.empty()) serve();
            first.out(waited);
        });
    }
    Events& events_;
    std::vector<RateStep> steps_;
    Duration limit_;
    std::size_t held_ = 0;
    int dropped_ = 0;
    std::deque<Waiting> waiting_{};
};

// What arrived, when, and how long it had waited at the bottleneck.
class Got {
  public:
    void add(Instant at, std::size_t bytes, Duration waited) {
        packets_.push_back({at.time_since_epoch(), bytes, std::chrono::duration<double, std::milli>(waited).count()});
    }
    double kbps(Duration from, Duration to) const {
        double bytes = 0;
        for (const Packet& p : packets_) {
            if (p.at >= from && p.at < to) bytes += static_cast<double>(p.bytes);
        }
        return bytes * 8e-3 / std::chrono::duration<double>(to - from).count();
    }
    double waited_ms(Duration from, Duration to) const {
        const std::vector<double> all = waits(from, to);
        return all.empty() ? 0 : std::accumulate(all.begin(), all.end(), 0.0) / static_cast<double>(all.size());
    }
    // What `share` of the packets waited at most.
    double waited_ms(Duration from, Duration to, double share) const {
        std::vector<double> all = waits(from, to);
        if (all.empty()) return 0;
        const auto nth = all.begin() + static_cast<std::ptrdiff_t>(share * static_cast<double>(all.size() - 1));
        std::nth_element(all.begin(), nth, all.end());
        return *nth;
    }

  private:
    struct Packet {
        Duration at{};
        std::size_t bytes = 0;
        double waited = 0;  // ms
    };
    std::vector<double> waits(Duration from, Duration to) const {
        std::vector<double> all;
        for (const Packet& p : packets_) {
            if (p.at >= from && p.at < to) all.push_back(p.waited);
        }
        return all;
    }
    std::vector<Packet> packets_{};
};

}  // namespace sotto::test
