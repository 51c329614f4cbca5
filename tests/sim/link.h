// A network in virtual time: packets take a while, some never arrive, some twice, all from one seed.
#pragma once

#include <functional>
#include <map>

#include "sotto/bytes.h"
#include "sotto/time.h"
#include "support/mutate.h"

namespace sotto::test {

struct LinkConditions {
    Duration delay = std::chrono::milliseconds(30);
    Duration jitter{};  // uniform, on top: packets overtake one another
    double loss = 0;
    double duplicated = 0;
    double forged = 0;     // an altered copy arrives as well
    double rtcp_loss = 0;  // of RTCP alone
};

class Link {
  public:
    Link(const LinkConditions& conditions, std::uint64_t seed) : conditions_(conditions), random_(seed) {}

    void send(Bytes datagram, Instant now) {
        const bool rtcp =
            datagram.size() > 1 && std::to_integer<int>(datagram[1]) >= 192 && std::to_integer<int>(datagram[1]) <= 223;
        if (random_.chance(conditions_.loss) || (rtcp && random_.chance(conditions_.rtcp_loss))) return;
        arrivals_.emplace(arrival(now), to_buffer(datagram));
        if (random_.chance(conditions_.duplicated)) arrivals_.emplace(arrival(now), to_buffer(datagram));
        if (random_.chance(conditions_.forged)) arrivals_.emplace(arrival(now), flipped(datagram, random_));
    }
    void deliver(Instant now, const std::function<void(Bytes)>& to) {
        while (!arrivals_.empty() && arrivals_.begin()->first <= now) {
            const Buffer datagram = std::move(arrivals_.begin()->second);
            arrivals_.erase(arrivals_.begin());
            to(datagram);
        }
    }
    void set(const LinkConditions& conditions) { conditions_ = conditions; }

  private:
    Instant arrival(Instant now) {
        const auto extra = conditions_.jitter.count() > 0
                               ? random_.below(static_cast<std::size_t>(conditions_.jitter.count()))
                               : std::size_t{0};
        return now + conditions_.delay + Duration(static_cast<std::int64_t>(extra));
    }

    LinkConditions conditions_;
    SeededRandom random_;
    std::multimap<Instant, Buffer> arrivals_;
};

}  // namespace sotto::test
