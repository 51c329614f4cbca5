// A network in virtual time: packets wait for their turn, take a while, some never arrive, some twice, all from one
// seed.
#pragma once

#include <cmath>
#include <functional>
#include <map>
#include <vector>

#include "sim/link_queue.h"
#include "sotto/bytes.h"
#include "sotto/time.h"
#include "support/mutate.h"

namespace sotto::test {

struct LinkConditions {
    Duration delay = std::chrono::milliseconds(30);
    Duration jitter{};     // uniform, on top: packets overtake one another
    Duration late{};       // exponential, on top: its mean; order is kept, as in linkem's jitter_ms
    double loss = 0;       // share of the packets, before the queue
    double burst = 1;      // mean run of losses; above 1 by Gilbert and Elliott's two states, one of which loses all
    bool down = false;     // an outage: all that is sent is lost
    double reordered = 0;  // share of packets that are held back, alone, by as much as:
    Duration held_back = std::chrono::milliseconds(20);
    double duplicated = 0;
    double forged = 0;     // an altered copy arrives as well
    double rtcp_loss = 0;  // of RTCP alone
    QueueConditions queue{};
};

class Link {
  public:
    static constexpr std::int64_t headers = 28;  // bytes of IPv4 and UDP, which take their part of a rate

    struct Counts {
        std::uint64_t sent = 0, lost = 0, overflowed = 0, delivered = 0;
        std::uint64_t bytes = 0;  // that left the queue, with the headers
        friend bool operator==(const Counts&, const Counts&) = default;
    };
    // Where packets wait instead of in this link's own queue, because others wait there, too. Calls `left` for each
    // that gets through, when it has left, or before.
    using Queue = std::function<void(std::int64_t bytes, Instant now, std::function<void(Instant at)> left)>;

    Link(const LinkConditions& conditions, std::uint64_t seed) : random_(seed) { set(conditions); }

    void set(const LinkConditions& conditions) {
        conditions_ = conditions;
        queue_.set(conditions.queue);
    }
    // From then on. Changes are asked for in their order.
    void change(Instant at, const LinkConditions& conditions) { changes_.emplace(at, conditions); }
    void wait_in(Queue queue) { shared_ = std::move(queue); }

    void send(Bytes datagram, Instant now) {
        follow_changes(now);
        ++counts_.sent;
        if (loses(datagram)) {
            ++counts_.lost;
            return;
        }
        const auto bytes = static_cast<std::int64_t>(datagram.size()) + headers;
        if (!shared_) {
            const auto left = queue_.depart(bytes, now);
            if (left) return pass(datagram, *left);
            ++counts_.overflowed;
            return;
        }
        shared_(bytes, now, [this, copy = to_buffer(datagram)](Instant left) { pass(copy, left); });
    }
    void deliver(Instant now, const std::function<void(Bytes)>& to) {
        while (!arrivals_.empty() && arrivals_.begin()->first <= now) {
            const Buffer datagram = std::move(arrivals_.begin()->second);
            arrivals_.erase(arrivals_.begin());
            ++counts_.delivered;
            to(datagram);
        }
    }
    Instant next_arrival() const { return arrivals_.empty() ? never : arrivals_.begin()->first; }
    const Counts& counts() const { return counts_; }

  private:
    void follow_changes(Instant now) {
        while (!changes_.empty() && changes_.begin()->first <= now) {
            set(changes_.begin()->second);
            changes_.erase(changes_.begin());
        }
    }
    bool loses(Bytes datagram) {
        if (conditions_.down) return true;
        const bool rtcp =
            datagram.size() > 1 && std::to_integer<int>(datagram[1]) >= 192 && std::to_integer<int>(datagram[1]) <= 223;
        return in_loss() || (rtcp && random_.chance(conditions_.rtcp_loss));
    }
    // The chance to enter a run is such that losses are the wanted share of all: loss = enter / (enter + leave).
    bool in_loss() {
        const double loss = conditions_.loss;
        if (conditions_.burst <= 1) return random_.chance(loss);
        const double leave = 1 / conditions_.burst;
        const double enter = loss >= 1 ? 1 : loss * leave / (1 - loss);
        in_loss_ = loss >= 1 || random_.chance(in_loss_ ? 1 - leave : enter);
        return in_loss_;
    }
    void pass(Bytes datagram, Instant left) {
        counts_.bytes += static_cast<std::uint64_t>(datagram.size()) + headers;
        arrivals_.emplace(arrival(left), to_buffer(datagram));
        if (random_.chance(conditions_.duplicated)) arrivals_.emplace(arrival(left), to_buffer(datagram));
        if (random_.chance(conditions_.forged)) arrivals_.emplace(arrival(left), flipped(datagram, random_));
    }
    Instant arrival(Instant left) {
        Instant at = left + conditions_.delay;
        if (conditions_.jitter.count() > 0) {
            at += Duration(
                static_cast<std::int64_t>(random_.below(static_cast<std::size_t>(conditions_.jitter.count()))));
        }
        if (conditions_.reordered > 0 && random_.chance(conditions_.reordered)) return at + conditions_.held_back;
        if (conditions_.late.count() > 0) {
            const double share = (static_cast<double>(random_.below(1'000'000)) + 1) / 1e6;  // above 0
            at += Duration(static_cast<std::int64_t>(-std::log(share) * static_cast<double>(conditions_.late.count())));
            at = newest_ = std::max(newest_, at);
        }
        return at;
    }

    LinkConditions conditions_{};
    SeededRandom random_;
    LinkQueue queue_{};
    Queue shared_{};
    std::multimap<Instant, LinkConditions> changes_{};
    bool in_loss_ = false;
    Instant newest_ = Instant::min();  // arrival of those whose order is kept
    std::multimap<Instant, Buffer> arrivals_{};
    Counts counts_{};
};

}  // namespace sotto::test
