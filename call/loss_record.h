// What became of the packets that we sent, in the order in which they left. The log tells of a loss only once later
// packets have come, after it told of those: taken as told, losses that are far apart would stand side by side.
// Packets are remembered for ten seconds, in which those of pictures and sound fill the history: sound alone would keep
// a short bad time in it for twice as long.
#pragma once

#include <array>
#include <bitset>
#include <optional>
#include <span>

#include "base/strong_integer.h"
#include "transport/congestion/packet_result.h"
#include "transport/fec_rate.h"

namespace sotto::call {

class LossRecord {
  public:
    explicit LossRecord(Ssrc sound) : sound_(sound) {}

    // A packet of sound leaves; then, that it holds the block of the one before once more.
    void sent(SequenceNumber number) { again_.reset(number.value % again_.size()); }
    void sent_again(SequenceNumber number) { again_.set(number.value % again_.size()); }
    // What a report tells, ascending by time sent. Of what was sent from `undecided` on later reports may tell more.
    void told(std::span<const transport::PacketResult> results, Instant undecided);

    static constexpr Duration remembered = std::chrono::seconds(10);

    // As of the newest that was told of.
    const transport::LossHistory& packets() const { return packets_; }
    // Of sound: lost with all their packets.
    const transport::LossHistory& blocks() const { return blocks_; }

  private:
    struct Told {
        Instant sent{};
        SequenceNumber sequence{};
        bool sound = false;
        bool arrived = false;
    };
    void keep(const Told& told);
    void learn(const Told& told);
    void learn_block(const Told& told);
    void age(Instant sent);

    Ssrc sound_;
    transport::LossHistory packets_, blocks_;
    std::bitset<1024> again_;         // of the last packets of sound: those that held the block before once more
    std::optional<bool> block_lost_;  // of the newest that is told of; it may come again
    int lost_in_a_row_ = 0;
    std::array<std::size_t, remembered / std::chrono::seconds(1)> in_second_{};  // packets in the history, by when sent
    std::int64_t second_ = 0;                                                    // the newest of these
    std::array<Told, 128> waiting_{};                                            // ascending by time sent
    std::size_t waits_ = 0;
};

}  // namespace sotto::call
