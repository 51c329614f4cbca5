// The way out of one block of sound: capture -> codec -> protect -> queue.
#pragma once

#include <optional>

#include "call/outbox.h"
#include "call/send_stream.h"
#include "call/trace_log.h"
#include "codec/opus_encoder.h"
#include "sotto/call.h"

namespace sotto::call {

inline constexpr PayloadType opus_payload_type{
    111};  // fixed for every call: nothing to negotiate, nothing to downgrade

class AudioSender {
  public:
    static Result<AudioSender> create(SrtpKey<Sending>&& key, Ssrc ssrc, bool enabled, const CallSettings& settings,
                                      Random& random);

    // Errors: wrong_state (not enabled), unsupported_media (not one block of the settings), codec_failed.
    Result<void> send(const AudioBlock& block, Instant now, TraceLog& traces, Outbox& outbox);
    std::optional<transport::SenderInfo> info(Instant start, Instant now) const;

    SendStream stream;

  private:
    AudioSender(SendStream&& out, std::optional<codec::OpusEncoder>&& encoder);

    std::optional<codec::OpusEncoder> encoder_;
    std::uint64_t samples_ = 0;  // before the next block, at 48 kHz
    std::uint32_t blocks_ = 0;
    Instant last_captured_{};  // of the last block's first sample
    RtpTimestamp last_timestamp_{};
};

}  // namespace sotto::call
