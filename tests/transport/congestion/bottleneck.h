// A bottleneck in virtual time for rate control: one queue, the flows that share it, and what each of them got.
#pragma once

#include <cmath>
#include <deque>
#include <functional>
#include <memory>
#include <queue>
#include <utility>
#include <vector>

#include "support/random.h"
#include "transport/congestion/pacer.h"
#include "transport/congestion/rate_controller.h"

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
        if (time_for(held_ + bytes) > limit_ + time_for(1200)) return;
        held_ += bytes;
        waiting_.push_back({bytes, events_.now(), std::move(out)});
        if (waiting_.size() == 1) serve();
    }
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
    std::deque<Waiting> waiting_{};
};

// What arrived, in bins of 100 ms.
class Got {
  public:
    void add(Instant at, std::size_t bytes, Duration waited) {
        const auto bin = static_cast<std::size_t>(at.time_since_epoch() / 100ms);
        if (bin >= bins_.size()) bins_.resize(bin + 1);
        bins_[bin].bytes += static_cast<double>(bytes);
        bins_[bin].waited += std::chrono::duration<double, std::milli>(waited).count();
        ++bins_[bin].packets;
    }
    double kbps(Duration from, Duration to) const {
        return sum(from, to).bytes * 8e-3 / std::chrono::duration<double>(to - from).count();
    }
    double waited_ms(Duration from, Duration to) const {
        const Bin all = sum(from, to);
        return all.packets == 0 ? 0 : all.waited / all.packets;
    }

  private:
    struct Bin {
        double bytes = 0, waited = 0;
        int packets = 0;
    };
    Bin sum(Duration from, Duration to) const {
        Bin all;
        for (auto i = static_cast<std::size_t>(from / 100ms);
             i < std::min<std::size_t>(static_cast<std::size_t>(to / 100ms), bins_.size()); ++i) {
            all.bytes += bins_[i].bytes;
            all.waited += bins_[i].waited;
            all.packets += bins_[i].packets;
        }
        return all;
    }
    std::vector<Bin> bins_{};
};

struct Path {
    Duration delay = 50ms;  // each way
    Duration jitter{};      // exponential, order kept
    double loss = 0;        // share of the packets
    double burst = 1;       // mean run of losses
    Duration feedback_interval = 50ms;
    double feedback_loss = 0;
};

// A call's packets: sound each 20 ms, frames at 30 a second that follow the target, paced; the peer's feedback.
class MediaFlow {
  public:
    struct Plan {
        Duration start{}, stop = 24h, pause = 24h, resume = 24h;
        int video_limit = 2'500'000;
    };
    MediaFlow(Events& events, Bottleneck& link, const Path& path, const Plan& plan, std::uint64_t seed)
        : events_(events), link_(link), path_(path), plan_(plan), random_(seed), pacer_(1'000'000) {
        events_.at(Instant{plan.start}, [this] { sound(); });
        events_.at(Instant{plan.start} + 7ms, [this] { frame(); });
        events_.at(Instant{plan.start} + path.delay + path.feedback_interval, [this] { report(); });
        events_.at(Instant{plan.start} + 500ms, [this] { tick(); });
    }
    transport::RateController& rate() { return rate_; }
    const Got& got() const { return got_; }
    // bit/s, sampled at each feedback.
    const std::vector<std::pair<Instant, int>>& targets() const { return targets_; }
    double mean_target_kbps(Duration from, Duration to) const {
        double sum = 0, count = 0;
        for (const auto& [at, target] : targets_) {
            if (at.time_since_epoch() >= from && at.time_since_epoch() < to) sum += target * 1e-3, ++count;
        }
        return count > 0 ? sum / count : 0;
    }

  private:
    bool over() const { return events_.now().time_since_epoch() >= plan_.stop; }
    bool paused() const {
        return events_.now().time_since_epoch() >= plan_.pause && events_.now().time_since_epoch() < plan_.resume;
    }
    void sound() {
        if (over()) return;
        if (!paused()) transmit(120);
        events_.after(20ms, [this] { sound(); });
    }
    void frame() {
        if (over()) return;
        if (!paused() && waiting_.size() < 20) {
            const double noise = 0.6 + 0.8 * static_cast<double>(random_.below(1000)) / 1000;
            const double bits = std::clamp(rate_.target() - 48'000, 8'000, plan_.video_limit) / 30.0 * noise;
            const auto bytes = static_cast<std::size_t>(bits / 8);
            const std::size_t count = bytes / 1200 + 1;
            for (std::size_t i = 0; i < count; ++i) waiting_.push_back(bytes / count + 30);
            pump();
        }
        events_.after(32333us + Duration(random_.below(2'000'000)),
                      [this] { frame(); });  // cameras are not locked to one another
    }
    void tick() {
        rate_.poll(events_.now());
        if (!over()) events_.after(100ms, [this] { tick(); });
    }
    void pump() {
        pacer_.set_rate(transport::pacing_rate(rate_.target(), rate_.queueing_delay()));
        while (!waiting_.empty() && pacer_.may_send(events_.now())) {
            transmit(waiting_.front());
            waiting_.pop_front();
        }
        if (waiting_.empty() || pumping_) return;
        pumping_ = true;
        events_.at(pacer_.next(events_.now()), [this] {
            pumping_ = false;
            pump();
        });
    }
    void transmit(std::size_t bytes) {
        pacer_.sent(bytes, events_.now());
        const std::size_t number = first_ + sent_.size();
        sent_.push_back({.size = bytes, .sent = events_.now(), .arrived = {}});
        in_loss_ =
            in_loss_ ? !random_.chance(1 / path_.burst) : random_.chance(path_.loss / (1 - path_.loss) / path_.burst);
        if (path_.burst == 1) in_loss_ = random_.chance(path_.loss);
        if (in_loss_) return;
        link_.send(bytes, [this, number, bytes](Duration waited) {
            const double u = (static_cast<double>(random_.below(1'000'000)) + 1) / 1'000'001;
            const auto late =
                Duration(static_cast<std::int64_t>(-std::log(u) * static_cast<double>(path_.jitter.count())));
            last_ = std::max(last_, events_.now() + path_.delay + late);
            events_.at(last_, [this, number, bytes, waited] {
                got_.add(events_.now(), bytes, waited);
                arrived_.emplace_back(number, events_.now().time_since_epoch() + 1234s);
            });
        });
    }
    void report() {
        if (!arrived_.empty() && !random_.chance(path_.feedback_loss)) {
            events_.after(path_.delay, [this, told = std::exchange(arrived_, {})] { learn(told); });
        }
        if (!over()) events_.after(path_.feedback_interval, [this] { report(); });
    }
    void learn(const std::vector<std::pair<std::size_t, Duration>>& told) {
        std::vector<transport::PacketResult> results;
        for (const auto& [number, at] : told) {
            for (; first_ <= number; ++first_) {
                results.push_back(sent_.front());
                sent_.pop_front();
            }
            results.back().arrived = at;
        }
        rate_.feedback(results, events_.now(), events_.now() - results.back().sent);
        targets_.emplace_back(events_.now(), rate_.target());
        pump();
    }

    Events& events_;
    Bottleneck& link_;
    Path path_;
    Plan plan_;
    SeededRandom random_;
    transport::Pacer pacer_;
    transport::RateController rate_{transport::RateSettings{}};
    std::deque<transport::PacketResult> sent_{};
    std::size_t first_ = 0;  // the number of sent_'s first
    std::deque<std::size_t> waiting_{};
    bool pumping_ = false, in_loss_ = false;
    Instant last_{};
    std::vector<std::pair<std::size_t, Duration>> arrived_{};
    std::vector<std::pair<Instant, int>> targets_{};
    Got got_{};
};

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
