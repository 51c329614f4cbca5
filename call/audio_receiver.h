// The way in of one block of sound: unprotect -> wait for its turn -> codec -> made longer or shorter -> played.
#pragma once

#include <optional>
#include <vector>

#include "call/arrival_stamps.h"
#include "call/receive_stream.h"
#include "call/trace_log.h"
#include "codec/opus_decoder.h"
#include "codec/time_scale.h"
#include "sotto/call.h"
#include "transport/audio_jitter_buffer.h"

namespace sotto::call {

class AudioReceiver {
  public:
    // `block`: how long the peer's blocks are; `channels`: what we play.
    static Result<AudioReceiver> create(SrtpKey<Receiving>&& key, Ssrc ssrc, Duration block, int channels);

    // With copies of earlier blocks or without. Errors: those of ReceiveStream::open_rtp() and
    // AudioJitterBuffer::insert().
    Result<void> receive(MutableBytes datagram, Instant now, TraceLog& traces);
    // Where the sound of the packet received last ends: when it was sent, at the earliest.
    RtpTimestamp received_until() const { return received_until_; }
    // The sound whose turn it is, decoded, recovered or concealed; nothing before its turn. It is a block long, or as
    // long as that has become to be in time. A packet that the decoder refuses is counted in `refused` and concealed.
    std::optional<PlayedBlock> next(Instant now, TraceLog& traces, RefusalCounts& refused);
    Instant deadline() const { return buffer_.deadline(); }
    // What the sound waits at least, for the sake of pictures that come later.
    void set_least_delay(Duration delay) { buffer_.set_least_target(delay); }

    // The peer's packets show that a queue grows before them.
    void note_queue(Instant now) { buffer_.note_queue(now); }

    ReceiveStats stats() const;
    std::size_t memory() const {
        return buffer_.memory() + (held_.size() + played_.size() + long_.size()) * sizeof(std::int16_t);
    }
    ReceiveStream stream;

  private:
    AudioReceiver(ReceiveStream&& in, codec::OpusDecoder&& decoder,
                  const transport::AudioJitterBufferSettings& settings);
    Result<std::int64_t> number_of(RtpTimestamp timestamp);
    Result<void> insert(const transport::RtpPacket& packet, Instant now);
    Result<void> insert_primary(const transport::RtpPacket& packet, std::int64_t number, Instant now);
    void hear(const transport::AudioTurn& turn, Instant now, TraceLog& traces, RefusalCounts& refused);
    Result<std::size_t> decode_part(const transport::AudioTurn& turn, std::span<std::int16_t> out);
    bool decode(const transport::AudioTurn& turn, std::span<std::int16_t> out, RefusalCounts& refused);
    void scale(const transport::AudioTurn& turn);
    void count_delay(const transport::AudioTurn& turn);
    std::size_t samples(std::int64_t frames) const;

    transport::AudioJitterBuffer buffer_;
    codec::OpusDecoder decoder_;
    ArrivalStamps arrivals_;
    std::int64_t block_frames_;  // samples a channel of one block
    std::optional<RtpTimestamp> newest_timestamp_;
    RtpTimestamp received_until_{};
    std::int64_t newest_ = std::int64_t{1} << 24;  // its number: none before it is negative
    std::vector<std::int16_t>
        held_;  // the last that was played, then what is decoded and not yet played, maybe stretched
    std::vector<std::int16_t> played_;
    std::vector<std::int16_t> long_;         // a packet of several blocks, decoded
    std::optional<RtpTimestamp> long_from_;  // its first block's, while all of it is there
    RtpTimestamp held_from_{};
    bool concealing_ = false;  // the last samples decoded were invented
    bool concealed_ = false;   // some of what was decoded since the last block was played
    ReceiveStats stats_;
};

}  // namespace sotto::call
