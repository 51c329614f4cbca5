// A long TCP transfer through a bottleneck.
#pragma once

#include <algorithm>
#include <cmath>

#include "transport/congestion/bottleneck.h"

namespace sotto::test {

// A long transfer: Reno (RFC 5681), or CUBIC (RFC 9438), a packet's acknowledgement at a time.
class TcpFlow {
  public:
    TcpFlow(Events& events, Bottleneck& link, Duration delay, bool cubic, Duration start, Duration stop = 24h)
        : events_(events), link_(link), delay_(delay), cubic_(cubic), stop_(stop) {
        events_.at(Instant{start}, [this] {
            pump();
            watch();
        });
    }
    const Got& got() const { return got_; }

  private:
    void pump() {
        while (static_cast<double>(next_ - acked_ - gone_) < window_ && events_.now().time_since_epoch() < stop_) {
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
        if (events_.now().time_since_epoch() < stop_) events_.after(1s, [this] { watch(); });
    }

    Events& events_;
    Bottleneck& link_;
    Duration delay_;
    bool cubic_;
    Duration stop_;
    double window_ = 10, threshold_ = 1e9, top_ = 0;
    std::int64_t next_ = 0, acked_ = 0, gone_ = 0, expected_ = 0, recovery_ = 0;
    Instant heard_{}, lost_at_{};
    Got got_{};
};

}  // namespace sotto::test
