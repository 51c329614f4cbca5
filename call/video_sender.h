// The way out of one picture: capture -> codec -> packetise -> protect -> queue.
#pragma once

#include <array>
#include <optional>

#include "call/frame_statistics.h"
#include "call/outbox.h"
#include "call/picture_recovery.h"
#include "call/send_stream.h"
#include "call/trace_log.h"
#include "call/video_quality.h"
#include "codec/vp8_encoder.h"
#include "sotto/call.h"

namespace sotto::call {

inline constexpr PayloadType vp8_payload_type{96};  // fixed for every call: nothing to negotiate, nothing to downgrade

class VideoSender {
  public:
    // `enabled`: without it only reports are sent. Errors: those of Vp8Encoder and SrtpSender.
    static Result<VideoSender> create(SrtpKey<Sending>&& key, Ssrc ssrc, bool enabled, const CallSettings& settings,
                                      Random& random);

    // From now on pictures go, too. Errors: those of Vp8Encoder.
    Result<void> enable(const CallSettings& settings);

    // Errors: wrong_state (not enabled), invalid_argument (captured no later than the last frame), unsupported_media,
    // codec_failed, too_large (not to be made small enough).
    Result<void> send(const VideoFrame& frame, Instant now, TraceLog& traces, Outbox& outbox);

    // What an SR says (RFC 3550 §6.4.1); nothing before the first packet.
    std::optional<transport::SenderInfo> info(Instant start, Instant now) const;
    // What the peer says that it lost and holds decides how the next frames are encoded.
    PictureRecovery recovery;
    // Errors: wrong_state (not enabled), invalid_argument.
    Result<void> check_bitrate(int bits_per_second) const;
    // What the pictures may take now, in bit/s of the codec, and the share of packets that come too late to be of use.
    void set_share(int bits_per_second, int sustained, double unrepaired);
    // The next pictures should be as small as they can be: they may stand in a queue.
    void set_small(bool small) { small_ = small; }
    // What the peer's decoder takes of a frame's time: smaller pictures when it is too slow.
    void peer_decoded(double load, Instant now) { adaptation_.peer_decoded(load, now); }
    // Over how many of the newest packets parity is of use; 0 before the first frame.
    std::uint8_t parity_window() const;
    // What is aimed at, pictures a second.
    int frame_rate() const { return quality_.frame_rate; }
    // Of the newest frame.
    std::size_t frame_packets() const { return frame_packets_.front(); }
    SequenceNumber newest() const { return SequenceNumber{static_cast<std::uint16_t>(stream.next_number().value - 1)}; }
    Instant last_sent() const { return last_captured_; }  // the newest picture that was not left out: of its capture
    // A picture for which there is no room on the path: left out before it is encoded.
    void leave_out() {
        ++stream.stats.frames_dropped;
        ++given_;
    }

    SendStats stats(Instant now) const;
    SendStream stream;

  private:
    VideoSender(SendStream&& out, std::optional<codec::Vp8Encoder>&& encoder, const CallSettings& settings);
    // Makes the encoder follow the path and the device. False: this frame is left out.
    bool adapt(const VideoFrame& frame, Instant now);
    std::uint64_t encoder_time(Instant captured);
    void refine(Instant captured);
    Result<void> packetise(const EncodedFrame& frame, RtpTimestamp timestamp, Instant now, Outbox& outbox);
    // W3C webrtc-stats.
    void count(const EncodedFrame& frame, Duration encoding, Instant now);
    void count_limits(const VideoQuality& before, Instant now);

    std::optional<codec::Vp8Encoder> encoder_;
    std::uint16_t picture_id_ = 0;
    Instant first_captured_{};
    Instant last_captured_ = Instant::min();
    std::uint64_t encoder_time_ = 0;              // of the last frame, in ticks
    std::uint32_t given_ = 0;                     // frames, those left out too
    std::uint32_t frames_ = 0;                    // of these, encoded
    std::array<std::size_t, 3> frame_packets_{};  // of the newest frames, newest first
    VideoAdaptation adaptation_;
    VideoQuality quality_;
    double unrepaired_ = 0;
    int bitrate_ = 0;    // that the encoder aims at
    int sustained_ = 0;  // and will, once the path's queue has drained
    bool small_ = false;
    int coarse_ = 0;  // frames for which the finest quantizer stays raised
    FrameRate encoded_;
    std::optional<Instant> limits_counted_;
};

}  // namespace sotto::call
