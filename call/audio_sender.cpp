#include "call/audio_sender.h"

#include "transport/rtp_clock.h"

namespace sotto::call {

using transport::audio_clock;
using transport::ticks;

AudioSender::AudioSender(SendStream&& out, std::optional<codec::OpusEncoder>&& encoder)
    : stream(std::move(out)), encoder_(std::move(encoder)) {}

Result<AudioSender> AudioSender::create(SrtpKey<Sending>&& key, Ssrc ssrc, bool enabled, const CallSettings& settings,
                                        Random& random) {
    // Lost audio is recovered by FEC, not by retransmission: the history is only the queue's memory.
    auto out = SendStream::create(std::move(key), {.ssrc = ssrc, .history = 8}, random);
    if (!out) return Failure(out.error());
    if (!enabled) return AudioSender(std::move(*out), std::nullopt);

    auto encoder = codec::OpusEncoder::create(
        {.channels = settings.audio_channels, .frame_ms = settings.audio_block_ms, .bitrate = settings.audio_bitrate});
    if (!encoder) return Failure(encoder.error());
    return AudioSender(std::move(*out), std::move(*encoder));
}

Result<void> AudioSender::send(const AudioBlock& block, Instant now, TraceLog& traces, Outbox& outbox) {
    if (!encoder_) return Failure(Error::wrong_state);
    FrameTrace trace{.medium = Medium::audio, .timestamp = stream.timestamp(samples_).value, .number = blocks_};
    trace[Stage::captured] = block.captured;

    const auto size = encoder_->encode(block, stream.payload_room());
    if (!size) return Failure(size.error());
    trace[Stage::encoded] = traces.stamp(now);
    last_timestamp_ = RtpTimestamp{trace.timestamp};
    last_captured_ = block.captured;
    samples_ += block.frames();
    const bool first = blocks_++ == 0;

    // RFC 3551 §4.1: the marker is set on the first packet of a talkspurt.
    const SequenceNumber number = stream.keep(*size, opus_payload_type, last_timestamp_, first);
    outbox.push({.kind = Departure::Kind::audio, .sequence = number});
    ++stream.stats.frames;
    trace[Stage::protect] = traces.stamp(now);
    traces.push(trace);
    return {};
}

std::optional<transport::SenderInfo> AudioSender::info(Instant start, Instant now) const {
    if (stream.stats.packets == 0) return std::nullopt;
    const auto since_last = static_cast<std::uint32_t>(ticks(now - last_captured_, audio_clock));
    return stream.sender_info(start, now, last_timestamp_ + since_last);
}

}  // namespace sotto::call
