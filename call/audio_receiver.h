// The way in of one block of sound: unprotect -> wait for its turn -> codec -> played.
#pragma once

#include <array>
#include <optional>

#include "call/receive_stream.h"
#include "call/trace_log.h"
#include "codec/opus_decoder.h"
#include "sotto/call.h"
#include "transport/audio_jitter_buffer.h"

namespace sotto::call {

class AudioReceiver {
  public:
    // `block`: how long the peer's blocks are; `channels`: what we play.
    static Result<AudioReceiver> create(SrtpKey<Receiving>&& key, Ssrc ssrc, Duration block, int channels);

    // Errors: those of ReceiveStream::open_rtp() and AudioJitterBuffer::insert().
    Result<void> receive(MutableBytes datagram, Instant now, TraceLog& traces);
    // The block whose turn it is, decoded, recovered or concealed; nothing before its turn. A packet that the decoder
    // refuses is counted in `refused` and concealed.
    std::optional<PlayedBlock> next(Instant now, TraceLog& traces, RefusalCounts& refused);
    Instant deadline() const { return buffer_.deadline(); }

    ReceiveStats stats() const;
    std::size_t memory() const { return buffer_.memory(); }
    ReceiveStream stream;

  private:
    AudioReceiver(ReceiveStream&& in, codec::OpusDecoder&& decoder,
                  const transport::AudioJitterBufferSettings& settings);
    Result<std::size_t> decode(const transport::AudioTurn& turn);

    transport::AudioJitterBuffer buffer_;
    codec::OpusDecoder decoder_;
    ArrivalStamps arrivals_;
    std::array<std::int16_t, 960 * 2> samples_{};  // 20 ms of stereo
    std::size_t block_samples_ = 0;                // of samples_, that one block fills
    ReceiveStats stats_;
};

}  // namespace sotto::call
