// A call's packets through a bottleneck, under the library's rate control.
#pragma once

#include <cmath>
#include <deque>

#include "support/random.h"
#include "transport/congestion/bottleneck.h"
#include "transport/congestion/pacer.h"
#include "transport/congestion/rate_controller.h"

namespace sotto::test {

struct Path {
    Duration delay = 50ms;  // each way
    Duration jitter{};      // exponential, order kept; the feedback's, too
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
        transport::RateSettings rate{.start = 300'000};
        Bottleneck* feedback_link = nullptr;  // that the feedback passes
    };
    MediaFlow(Events& events, Bottleneck& link, const Path& path, const Plan& plan, std::uint64_t seed)
        : events_(events),
          link_(link),
          path_(path),
          plan_(plan),
          random_(seed),
          pacer_(plan.rate.start),
          rate_(plan.rate) {
        events_.at(Instant{plan.start}, [this] { sound(); });
        events_.at(Instant{plan.start} + 7ms, [this] { frame(); });
        events_.at(Instant{plan.start} + path.delay + path.feedback_interval, [this] { report(); });
        events_.at(Instant{plan.start} + 500ms, [this] { tick(); });
    }
    transport::RateController& rate() { return rate_; }
    const Got& got() const { return got_; }
    std::size_t sent() const { return first_ + sent_.size(); }  // packets
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
        // As a call does.
        const bool sparse = rate_.held(events_.now()) && events_.now() - last_frame_ < 180ms;
        if (!paused() && waiting_.size() < 20 && !sparse) {
            last_frame_ = events_.now();
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
        const int rate = transport::pacing_rate(rate_.target(), rate_.queueing_delay(), rate_.may_double());
        pacer_.set_rate(rate_.held(events_.now()) ? std::min(rate, 120'000) : rate);
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
        rate_.sent(events_.now());
        const std::size_t number = first_ + sent_.size();
        sent_.push_back({.size = bytes, .sent = events_.now(), .arrived = {}});
        in_loss_ =
            in_loss_ ? !random_.chance(1 / path_.burst) : random_.chance(path_.loss / (1 - path_.loss) / path_.burst);
        if (path_.burst == 1) in_loss_ = random_.chance(path_.loss);
        if (in_loss_) return;
        link_.send(bytes, [this, number, bytes](Duration waited) {
            last_ = std::max(last_, events_.now() + path_.delay + late());
            events_.at(last_, [this, number, bytes, waited] {
                got_.add(events_.now(), bytes, waited);
                arrived_.emplace_back(number, events_.now().time_since_epoch() + 1234s);
            });
        });
    }
    Duration late() {
        const double u = (static_cast<double>(random_.below(1'000'000)) + 1) / 1'000'001;
        return Duration(static_cast<std::int64_t>(-std::log(u) * static_cast<double>(path_.jitter.count())));
    }
    // RFC 8888: two bytes a packet and what goes around them.
    void report() {
        if (!arrived_.empty() && !random_.chance(path_.feedback_loss)) {
            const std::size_t bytes = 70 + 2 * arrived_.size();
            const auto back = [this, told = std::exchange(arrived_, {})](Duration) {
                last_back_ = std::max(last_back_, events_.now() + path_.delay + late());
                events_.at(last_back_, [this, told] { learn(told); });
            };
            plan_.feedback_link ? plan_.feedback_link->send(bytes, back) : back(0ns);
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
    transport::RateController rate_;
    std::deque<transport::PacketResult> sent_{};
    std::size_t first_ = 0;  // the number of sent_'s first
    std::deque<std::size_t> waiting_{};
    bool pumping_ = false, in_loss_ = false;
    Instant last_{}, last_back_{}, last_frame_{};
    std::vector<std::pair<std::size_t, Duration>> arrived_{};
    std::vector<std::pair<Instant, int>> targets_{};
    Got got_{};
};

}  // namespace sotto::test
