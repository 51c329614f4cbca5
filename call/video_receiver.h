// The way in of one picture: unprotect -> order and repair -> codec -> shown.
#pragma once

#include <array>
#include <optional>

#include "call/arrival_stamps.h"
#include "call/frame_statistics.h"
#include "call/lip_sync.h"
#include "call/receive_stream.h"
#include "call/trace_log.h"
#include "codec/vp8_decoder.h"
#include "sotto/call.h"
#include "transport/fec.h"
#include "transport/nack.h"
#include "transport/video_jitter_buffer.h"

namespace sotto::call {

class VideoReceiver final : public transport::FecSources {
  public:
    // `pixels`: the largest picture the buffers are sized for.
    static Result<VideoReceiver> create(SrtpKey<Receiving>&& key, Ssrc ssrc, std::size_t pixels);

    // One RTP datagram, decrypted in place. Errors: those of ReceiveStream::open_rtp() and VideoJitterBuffer::insert().
    Result<void> receive(MutableBytes datagram, Instant now, TraceLog& traces);
    // When the packet that came last, in this stream or for its repair, was authentic: for traces.
    void opened(Instant at) { opened_ = at; }
    // A packet of this stream that repair gave back. Errors: those of VideoJitterBuffer::insert().
    Result<void> recovered(const transport::RtpPacket& packet, Instant now, TraceLog& traces);
    // The packet with this number, if it is still here: what repair is reckoned from.
    std::optional<transport::FecSource> find(std::int64_t extended) const override {
        return buffer_.find_source(extended);
    }
    // The next picture, decoded; nothing when none is complete, or while it waits for its sound. A frame that the
    // decoder refuses is counted in `refused`, left out, and a key frame will be asked for.
    std::optional<ShownFrame> next(Instant now, TraceLog& traces, RefusalCounts& refused);
    Instant deadline() const;
    LipSync lip_sync;

    // Feedback to send now: packets to ask for again, and whether a key frame is needed.
    struct Feedback {
        std::span<const SequenceNumber> nacks;  // a view of this receiver
        bool picture_loss = false;
        std::optional<std::uint16_t> golden;  // that we hold: said beside the rest, as often as it takes to be heard
        bool any() const { return picture_loss || !nacks.empty(); }
    };
    // `due`: a report leaves now in any case.
    Feedback feedback(Instant now, Duration round_trip, bool due);

    // See DecodeLoad::value().
    std::optional<double> decode_load() const { return decode_load_.value(); }
    ReceiveStats stats(Instant now) const;
    std::size_t memory() const { return buffer_.memory(); }
    ReceiveStream stream;

  private:
    Result<void> insert(const transport::RtpPacket& packet, std::int64_t extended, Arrival& arrival, TraceLog& traces);
    VideoReceiver(ReceiveStream&& in, codec::Vp8Decoder&& decoder,
                  const transport::VideoJitterBufferSettings& settings);
    Instant due(const ShownFrame& frame, Instant now);
    ShownFrame present(const ShownFrame& frame, Instant now, TraceLog& traces);
    void note_key_request(Instant now, Duration round_trip);
    Instant key_request_deadline() const;
    void count(const transport::AssembledFrame& frame, const FrameTrace& trace, Instant now);
    Result<std::optional<ShownFrame>> show(const transport::AssembledFrame& frame, Instant now, TraceLog& traces);

    transport::VideoJitterBuffer buffer_;
    transport::NackTracker nacks_;
    codec::Vp8Decoder decoder_;
    ArrivalStamps arrivals_;
    Instant opened_{};
    // A picture that waits for its sound; those after it wait undecoded.
    std::optional<ShownFrame> held_;
    Instant held_until_ = never;
    std::array<SequenceNumber, transport::max_nacks> asked_{};
    std::optional<std::uint16_t> golden_told_;  // the golden frame that the peer was told of
    std::uint64_t times_told_ = 0;
    Instant key_asked_ = Instant::min();
    Duration key_wait_{};                   // before the next request
    std::uint64_t packets_at_request_ = 0;  // that had come by the last request
    ReceiveStats stats_;
    FrameRate decoded_;
    DecodeLoad decode_load_;
    FrameGaps shown_;
};

}  // namespace sotto::call
