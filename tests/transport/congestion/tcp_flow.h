// TCP transfers through a bottleneck: long ones, and short ones that come and go.
#pragma once

#include <algorithm>
#include <cmath>
#include <deque>

#include "support/random.h"
#include "transport/congestion/bottleneck.h"

namespace sotto::test {

// A transfer: Reno (RFC 5681), or CUBIC (RFC 9438), a packet's acknowledgement at a time. One of so many packets sends
// each that is lost once more, and is over when as many have been acknowledged.
class TcpFlow {
  public:
    TcpFlow(Events& events, Bottleneck& link, Duration delay, bool cubic, Duration start, Duration stop = 24h,
            std::int64_t packets = INT64_MAX, std::function<void()> over = {})
        : events_(events),
          link_(link),
          delay_(delay),
          cubic_(cubic),
          stop_(stop),
          packets_(packets),
          over_(std::move(over)) {
        events_.at(Instant{start}, [this] {
            if (packets_ < INT64_MAX) heard_ = events_.now();  // a long one begins with a timeout, and so slowly
            pump();
            watch();
        });
    }
    const Got& got() const { return got_; }

  private:
    bool may_send() const {
        return static_cast<double>(next_ - acked_ - gone_) < window_ && next_ - gone_ < packets_ &&
               events_.now().time_since_epoch() < stop_;
    }
    void pump() {
        while (may_send()) {
            link_.send(1200, [this, number = next_, sent = events_.now()](Duration waited) {
                events_.after(delay_, [this, number, sent, waited] {
                    got_.add(events_.now(), 1200, waited);
                    events_.after(delay_, [this, number, sent] { acknowledged(number, sent); });
                });
            });
            ++next_;
        }
    }
    void acknowledged(std::int64_t number, Instant sent) {
        if (number < expected_) return;  // given up already
        heard_ = events_.now();
        ++acked_;
        if (number > expected_) {  // order is kept, so what lies between is lost
            gone_ += number - expected_;
            if (expected_ >= recovery_) lose();
        }
        expected_ = number + 1;
        const double round_trip = std::chrono::duration<double>(events_.now() - sent).count();
        const double aim =
            cubic_ ? std::clamp(wanted(round_trip), window_, 1.5 * window_) - window_ : 0;  // RFC 9438 §4.2
        window_ += window_ < threshold_ ? 1 : std::max(aim, cubic_ ? 0.53 : 1) / window_;
        if (acked_ == packets_ && over_) return over_();
        pump();
    }
    double wanted(double round_trip) const {
        const double t = std::chrono::duration<double>(events_.now() - lost_at_).count() + round_trip;
        return 0.4 * std::pow(t - std::cbrt(top_ * 0.3 / 0.4), 3) + top_;
    }
    void lose() {
        recovery_ = next_;
        top_ = window_;
        lost_at_ = events_.now();
        window_ = threshold_ = std::max(2.0, window_ * (cubic_ ? 0.7 : 0.5));
    }
    void watch() {
        if (events_.now() - heard_ > 1s) {
            gone_ = next_ - acked_;
            expected_ = recovery_ = next_;
            threshold_ = std::max(2.0, window_ / 2);
            window_ = 2;
        }
        pump();
        if (events_.now().time_since_epoch() < stop_ && acked_ < packets_) events_.after(1s, [this] { watch(); });
    }

    Events& events_;
    Bottleneck& link_;
    Duration delay_;
    bool cubic_;
    Duration stop_;
    std::int64_t packets_;
    std::function<void()> over_;
    double window_ = 10, threshold_ = 1e9, top_ = 0;
    std::int64_t next_ = 0, acked_ = 0, gone_ = 0, expected_ = 0, recovery_ = 0;
    Instant heard_{}, lost_at_{};
    Got got_{};
};

// Who asks for one file after the other, each over a connection of its own (RFC 8867 §5.7): 30 to 50 KB, and 10 s
// between them on average, exponentially.
class ShortTransfers {
  public:
    ShortTransfers(Events& events, Bottleneck& link, Duration delay, bool active, Duration stop, std::uint64_t seed)
        : events_(events), link_(link), delay_(delay), stop_(stop), random_(seed) {
        events_.after(active ? Duration{} : idle(), [this] { next(); });
    }
    const std::vector<Duration>& took() const { return took_; }  // the files that came whole
    double kbits() const { return kbits_; }

  private:
    void next() {
        const Instant now = events_.now();
        if (now.time_since_epoch() >= stop_) return;
        const auto packets = static_cast<std::int64_t>((30'000 + random_.below(20'000)) / 1200 + 1);
        files_.emplace_back(events_, link_, delay_, false, now.time_since_epoch(), 24h, packets, [this, now, packets] {
            took_.push_back(events_.now() - now);
            kbits_ += static_cast<double>(packets) * 9.6;
            events_.after(idle(), [this] { next(); });
        });
    }
    Duration idle() {
        const double u = (static_cast<double>(random_.below(1'000'000)) + 1) / 1'000'001;
        return Duration(static_cast<std::int64_t>(-std::log(u) * 10e9));
    }

    Events& events_;
    Bottleneck& link_;
    Duration delay_;
    Duration stop_;
    SeededRandom random_;
    std::deque<TcpFlow> files_{};
    std::vector<Duration> took_{};
    double kbits_ = 0;
};

}  // namespace sotto::test
