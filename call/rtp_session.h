// All media of one call (an RTP session, RFC 3550 §3): both senders and receivers, and the reports between them.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "call/audio_receiver.h"
#include "call/audio_sender.h"
#include "call/media_epochs.h"
#include "call/outbox.h"
#include "call/repair_receiver.h"
#include "call/repair_sender.h"
#include "call/sending_budget.h"
#include "call/signal.h"
#include "call/video_receiver.h"
#include "call/video_sender.h"
#include "crypto/locked.h"
#include "transport/congestion/arrival_log.h"

namespace sotto::call {

class RtpSession : public crypto::Locked {
  public:
    // `epochs` holds the keys of the call. Errors: invalid_argument (settings out of range), codec_failed,
    // unavailable.
    static Result<std::unique_ptr<RtpSession>> create(MediaEpochs&& epochs, const StreamOffer& ours,
                                                      const StreamOffer& theirs, const CallSettings& settings,
                                                      Random& random, Instant now);

    Result<void> send(const VideoFrame& frame, Instant now);
    Result<void> send(const AudioBlock& block, Instant now);
    // Any datagram: told apart by its second byte and SSRC (RFC 5761 §4). What is refused is counted.
    Result<void> receive(Bytes datagram, Instant now);

    using Output = std::variant<Datagram, ShownFrame, PlayedBlock>;
    std::optional<Output> poll(Instant now);
    // What is still queued, at once and without playing on: for a call that has ended.
    std::optional<Datagram> flush(Instant now);
    Instant deadline() const;

    // That of the newest packet which has authenticated.
    std::uint16_t receiving_generation() const { return epochs_.receiving_generation(); }
    // New keys that both sides derived from signals.
    Result<void> agree(crypto::Generation&& generation, MediaEpochs::Side side, Instant now);

    // Both users agreed to pictures both ways. Errors: codec_failed.
    Result<void> allow_pictures(const CallSettings& settings);

    // Tells the peer that we leave (RFC 3550 §6.6).
    void say_bye(Instant now);
    bool peer_said_bye() const { return bye_received_; }
    Instant last_received() const { return last_received_; }

    void add_to(CallStats& stats) const;  // rtp_session_stats.cpp
    std::optional<FrameTrace> trace() { return traces_.pop(); }
    void shown(Medium medium, std::uint32_t timestamp, Instant at) { traces_.shown_at(medium, timestamp, at); }
    VideoSender& video_sender() { return video_out_; }
    // bit/s of the codec, at most; what the path takes decides below that.
    Result<void> set_video_maximum(int bits_per_second);

  private:
    struct Senders {
        AudioSender audio;
        VideoSender video;
        RepairSender repair;
    };
    struct Receivers {
        AudioReceiver audio;
        VideoReceiver video;
        RepairReceiver repair;
    };
    static Result<Senders> make_senders(MediaEpochs& epochs, const StreamOffer& ours, const CallSettings& settings,
                                        Random& random);
    static Result<Receivers> make_receivers(MediaEpochs& epochs, const StreamOffer& theirs,
                                            const CallSettings& settings);
    RtpSession(MediaEpochs&& epochs, Senders&& senders, Receivers&& receivers, const StreamOffer& ours,
               const StreamOffer& theirs, const CallSettings& settings, Random& random, Instant now);

    MediaStreams streams();
    void look_after(Instant now);
    bool is_narrow(int audio_bitrate) const;
    int long_packets() const;
    Duration feedback_interval() const;
    void follow_shares();

    // rtp_session_in.cpp
    Result<void> receive_rtp(MutableBytes datagram, Ssrc ssrc, Instant now);
    Result<void> receive_video(MutableBytes datagram, Instant now);
    Result<void> receive_repair(MutableBytes datagram, Instant now);
    void recover(Instant now);

    // rtp_session_out.cpp
    void resend(std::span<const SequenceNumber> numbers, Instant now);
    void add_parity(Instant now);
    void add_probe(Instant now);
    void renew_spent_keys(Instant now);
    std::optional<Datagram> take_datagram(bool pacer_allows, Instant now);
    [[gnu::noinline]] void stamp(const Departure& departure, Stage stage, Instant now);
    Result<std::size_t> depart(const Departure& departure, Instant now);

    // rtp_session_reports.cpp
    Result<void> receive_rtcp(MutableBytes datagram, Ssrc ssrc, Instant now);
    void receive_congestion_feedback(const transport::CongestionFeedback& told, Instant now);
    void follow_recovery(const transport::RtcpReport& report, Instant now);
    void learn(const transport::ReportBlock& block, bool audio, Instant now);
    void send_feedback(Instant now);
    void send_reports(Instant now, bool bye);

    MediaEpochs epochs_;
    AudioSender audio_out_;
    VideoSender video_out_;
    RepairSender repair_out_;
    AudioReceiver audio_in_;
    VideoReceiver video_in_;
    RepairReceiver repair_in_;
    StreamOffer theirs_;
    bool with_video_;
    SendingBudget budget_;
    transport::ArrivalLog arrivals_;  // of the peer's packets
    Outbox outbox_;
    [[no_unique_address]] TraceLog traces_;
    RefusalCounts refused_;
    alignas(8) std::array<std::byte, transport::max_datagram> scratch_{};    // where a datagram is decrypted
    alignas(8) std::array<std::byte, transport::max_datagram> departing_{};  // where the one that leaves is protected
    std::string cname_;
    Random& random_;
    Instant start_;
    transport::RoundTripTime round_trip_;
    RemoteReceiveStats audio_at_peer_, video_at_peer_;
    // What each poll() asks, in one place.
    Instant next_report_;
    Instant last_received_;
    Instant polled_{};                      // the last poll()
    Instant quiet_until_ = Instant::min();  // before, no keys, reports or feedback are due, unless something comes
    bool polled_dry_ = false;               // nothing came in or went out since poll() had nothing to give
    bool bye_received_ = false;
};

}  // namespace sotto::call
