// Which share of the packets is lost of late, and whether that is more than the path loses anyway.
#pragma once

#include <array>
#include <cstdint>

#include "sotto/time.h"
#include "transport/congestion/windowed_minimum.h"

namespace sotto::transport {

class LossShare {
  public:
    void add(Instant sent, bool lost);
    double recent() const;                   // over about two seconds
    double floor() const { return floor_; }  // the least of the last seconds: what the path loses at any rate
    bool excessive() const;                  // beyond the floor and beyond chance
    void accept();                           // the path itself loses what is lost now

  private:
    struct Counts {
        std::int64_t number = -1;
        int packets = 0;
        int lost = 0;
        int runs = 0;  // of losses in a row
    };
    Counts sum() const;

    static constexpr std::size_t buckets = 8;
    static constexpr Duration width = std::chrono::milliseconds(250);

    std::array<Counts, buckets> ring_{};
    std::int64_t newest_ = -1;
    bool last_lost_ = false;
    WindowedMinimum<double, 8> floors_{std::chrono::seconds(1)};
    double floor_ = 0;
    bool known_ = false;  // the floor: before a first look at the path, no loss is excessive
};

}  // namespace sotto::transport
