// How much leaves and what of: the rate that the path takes, split between sound (first), repair and pictures.
// docs/congestion.md.
#pragma once

#include <array>
#include <optional>

#include "call/audio_copies.h"
#include "call/loss_record.h"
#include "call/picture_hold.h"
#include "call/picture_width.h"
#include "call/signal.h"
#include "transport/congestion/pacer.h"
#include "transport/congestion/rate_controller.h"
#include "transport/congestion/sent_log.h"

namespace sotto::call {

struct SendingLimits {
    bool video = true;
    int audio_bitrate = 32000;  // bit/s of the codec, at most
    int audio_packets = 50;     // a second
    int video_bitrate = 0;      // bit/s of the codec, at most
    int frame_rate = 30;
};

// What each part gets, in bit/s of its codec.
struct SendingShares {
    int audio_bitrate = 0;
    AudioCopies audio_copies{};
    int video_bitrate = 0;    // 0: the path is too narrow for any
    int video_sustained = 0;  // and once a queue of ours has drained: what the pictures' size should follow
};

class SendingBudget {
  public:
    SendingBudget(const StreamOffer& ours, const SendingLimits& limits);

    // A datagram leaves: each counts for the pacer, RTP packets are also followed.
    void sent(std::size_t bytes, Instant now) { pacer_.sent(bytes, now); }
    void sent_rtp(Ssrc ssrc, SequenceNumber number, std::size_t bytes, Instant now);
    // That packet of sound holds the block of the one before once more.
    void sent_again(SequenceNumber number) { losses_.sent_again(number); }

    // The peer's congestion feedback. `round_trip`: the smoothed one, if there is any.
    void feedback(const transport::CongestionFeedback& told, Instant now, std::optional<Duration> round_trip);
    void poll(Instant now);
    Instant deadline() const { return rate_.deadline(); }

    bool may_send(Instant now) const { return pacer_.may_send(now); }
    Instant next(Instant now) const { return pacer_.next(now); }
    // A packet of the peer's sound has come.
    void heard(RtpTimestamp until, Instant now) { hold_.heard(until, now); }
    // Any packet of the peer's has, after heard().
    void came(std::size_t bytes, Instant now);
    // That packet came out of a queue that grows, by what is known of the way back.
    bool way_back_narrowed() const { return hold_.way_back_narrowed(); }
    // Feedback is overdue, and may stand in a queue: a picture now and then is all that should be sent beside the
    // sound. Slows the pacer for as long.
    bool hold(Instant now);
    const PictureHold& picture_hold() const { return hold_; }
    void set_waiting(bool waiting) { pacer_.set_waiting(waiting); }
    // For how long pictures would wait that have this many packets of full size before them, all sent at the target.
    Duration wait_for(std::size_t packets) const;

    const SendingShares& shares() const { return shares_; }
    // Repair packets that a frame of so many packets should have behind it: enough that nobody waits for a round trip.
    int parity_for(std::size_t packets, Duration round_trip) const;
    // Packets to add now, because the path may take more than we have shown it.
    int probe_packets(Instant now);

    void set_video_maximum(int bits_per_second);
    // Of sound, a second: blocks that share one cost fewer headers. `copies`: whether they may have any.
    void set_audio_packets(int packets, bool copies);
    // So many pictures are sent a second: each costs headers.
    void set_frame_rate(int frame_rate);
    // From now on pictures have their share.
    void allow_pictures();
    // From the newest acknowledged packet.
    std::optional<Duration> round_trip() const { return log_.round_trip(); }
    // Delays vary so much that one report late is no mark of a queue.
    bool jitters() const;
    double loss() const { return losses_.packets().rate(); }
    // When the newest picture's packet was sent that a full queue dropped, as the last feedback tells it: nobody sends
    // that again.
    std::optional<Instant> dropped() const { return dropped_; }
    // What the last feedback told of; until the next.
    std::span<const transport::PacketResult> results() const { return results_; }
    bool overfull() const { return rate_.overfull(); }
    bool may_double() const { return rate_.may_double(); }  // nothing has shown yet what the path takes
    bool may_rise() const { return rate_.may_rise(); }
    // The peer asked for so many packets again.
    void asked(std::size_t packets) { asked_ += packets; }
    // The share of packets for which a frame waits longer than the next one takes, smoothed.
    double unrepaired() const { return round_trip_ < quick ? 0 : unrepaired_; }
    int target() const { return rate_.target(); }
    // That packets should be made for: `rate`, unless the path is still unknown.
    int expected(int rate) const;
    int lasting() const { return rate_.lasting(); }
    bool is_narrow() const { return rate_.is_narrow(); }  // hardly more than sound passes
    // A queue has shown of late what the path takes.
    bool knows_path() const { return rate_.cut_lately(); }
    Duration queueing_delay() const { return rate_.queueing_delay(); }
    const transport::SentLog::Counts& told() const { return log_.counts(); }  // by the peer's feedback
    std::size_t memory() const { return log_.memory(); }

  private:
    void pace();
    void split();
    void follow_times();
    int reports() const;
    int allowed() const;
    int video_share(int rest) const;
    double repair_share(int rest) const;
    int wanted_parity(int packets, Duration round_trip) const;
    int wanted() const;

    SendingLimits limits_;
    bool may_copy_ = true;
    Ssrc audio_ssrc_, video_ssrc_;
    transport::SentLog log_;
    PictureHold hold_;
    PictureWidth width_;
    LossRecord losses_;
    transport::RateController rate_;
    transport::Pacer pacer_;
    SendingShares shares_;
    static constexpr Duration quick = std::chrono::milliseconds(20);  // a retransmission comes as soon as a next frame
    std::size_t asked_ = 0;                                           // since the last feedback
    double unrepaired_ = 0;
    double most_parity_ = 0;  // for each packet of a picture: where pictures have their least, repair has what is left
    Duration round_trip_{};
    std::optional<Instant> dropped_;
    std::span<const transport::PacketResult> results_;
    Instant now_{};
    std::optional<Instant> last_told_;  // of the sound
    Instant told_since_{};              // after a silence
    bool told_ = false;                 // of late
    int sound_times_ = 1;               // that sound may leave
    Instant probing_until_ = Instant::min();
};

}  // namespace sotto::call
