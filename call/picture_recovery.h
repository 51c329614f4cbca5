// What makes the peer's pictures whole again after a loss: a frame from the golden one that the peer holds, where there
// is one, else a key frame.
#pragma once

#include <optional>
#include <span>

#include "base/strong_integer.h"
#include "codec/vp8_layers.h"
#include "sotto/media.h"
#include "sotto/time.h"

namespace sotto::call {

class PictureRecovery {
  public:
    // Bounds of how often either leaves, so that nobody makes us send nothing else.
    static constexpr Duration key_interval = std::chrono::milliseconds(300);
    static constexpr Duration golden_interval = std::chrono::milliseconds(100);

    // The peer lost a picture (PLI, RFC 4585 §6.3.1); `held`: the golden frame that it still has, by its picture id. A
    // request that the last recovery cannot have reached yet is answered by that one.
    void picture_lost(std::optional<std::uint16_t> held, Instant now, Duration round_trip);
    // The peer decoded this golden frame (RPSI, RFC 4585 §6.3.3).
    void holds(std::uint16_t picture_id);
    // The peer asks for these packets again (NACK, ascending), of a stream whose frames have `frame_packets` each. True
    // if a recovery comes instead: it takes fewer packets. One comes as well where a retransmission has been lost.
    bool asked(std::span<const SequenceNumber> numbers, std::size_t frame_packets, Instant now, Duration round_trip);
    // Packets of a picture that was sent then are lost for good: whatever refers to it needs a recovery.
    void dropped(Instant sent, Instant now);
    // One of them: a golden frame that nobody has told of goes with it, and what was made from that.
    void dropped(SequenceNumber packet);
    // They are likely to be lost: a recovery is worth it, a key frame is not. The golden frame may serve that the peer
    // has not told of yet: it was sent earlier than they.
    void doubtful(Instant sent, Instant now);
    bool in_doubt() const { return in_doubt_; }
    void force_key() { forced_ = true; }

    // How to encode the next frame.
    codec::Vp8FrameOptions choose(Instant now) const;
    // It left, by those options, with this picture id.
    void sent(const codec::Vp8FrameOptions& options, const EncodedFrame& frame, std::uint16_t picture_id, Instant now);

    // And its packets, from this one on.
    void numbered(SequenceNumber first);

    std::uint64_t from_golden() const { return from_golden_; }  // recoveries that took no key frame

  private:
    struct Golden {
        std::uint16_t picture_id = 0;
        Instant marked{};
        bool held = false;                             // by the peer, as it told us
        std::optional<SequenceNumber> first{}, end{};  // packets
    };
    bool usable(Instant now) const;
    bool under_way(Instant now, Duration round_trip) const;

    std::optional<Golden> golden_;
    bool forced_ = false;         // a key frame, at once
    bool key_wanted_ = false;     // as soon as it may
    bool golden_wanted_ = false;  // a frame from the golden one
    bool in_doubt_ = false;       // even if nobody knows whether the peer has that
    Instant last_key_ = Instant::min();
    Instant last_golden_ = Instant::min();       // frame from the golden one
    Instant asked_at_ = Instant::min();          // when packets were asked for last
    std::optional<SequenceNumber> asked_up_to_;  // the newest of them
    Duration round_trip_{};
    std::uint64_t from_golden_ = 0;
};

}  // namespace sotto::call
