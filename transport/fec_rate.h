// How much repair a channel needs: from what became of the last packets, one by one and in runs.
#pragma once

#include <bitset>
#include <cstddef>

namespace sotto::transport {

class LossHistory {
  public:
    static constexpr std::size_t capacity = 1024;
    static constexpr double negligible = 0.003;  // below this rate retransmission does it alone
    static constexpr int max_repair_packets = 40;

    // Before the first packet the channel is held to be one that lost a quarter of a packet of its last 100: too little
    // for repair, which would make the first pictures smaller, but enough that one loss of ten is held to be 1 in 88,
    // not a tenth. As the mean of a beta distribution it weighs less the more is known, and real packets push it out of
    // the history like any others: after `capacity` it is gone, unless some of that are forgotten.
    static constexpr double prior_losses = 0.25;
    static constexpr std::size_t prior_packets = 100;

    // What became of the next packet, in order of sending.
    void add(bool lost);
    // Forgets all but the newest so many.
    void keep(std::size_t newest);
    double rate() const;  // 0 to 1
    // Whether one loss brings the next: far more packets after a lost one are lost than chance has it.
    bool in_bursts() const;
    // The share of windows of so many packets that are lost altogether; 0 if the history is shorter.
    double share_lost(std::size_t length) const { return share_over(length, length - 1); }

    // The smallest number m of repair packets to `sources` packets for which at most `residual` of all sets of
    // sources + m packets lose more than m: by what windows of that length in the history lost, so that bursts count,
    // and at least by the binomial distribution, which knows what so short a history has not seen. max_repair_packets
    // if none is enough. Takes max_repair_packets × (capacity + max_repair_packets) steps at most.
    int repair_packets(int sources, double residual) const;

  private:
    bool at(std::size_t index) const { return lost_[(oldest_ + index) % capacity]; }  // 0 is the oldest
    bool newest_lost() const { return size_ > 0 && at(size_ - 1); }
    double share_over(std::size_t length, std::size_t allowed) const;

    std::bitset<capacity> lost_;
    std::size_t losses_ = 0;  // in it
    std::size_t pairs_ = 0;   // of losses that follow each other
    std::size_t size_ = 0;
    std::size_t oldest_ = 0;
};

}  // namespace sotto::transport
