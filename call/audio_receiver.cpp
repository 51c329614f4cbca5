#include "call/audio_receiver.h"

#include <algorithm>

#include "call/audio_sender.h"
#include "transport/rtp_clock.h"

namespace sotto::call {

AudioReceiver::AudioReceiver(ReceiveStream&& in, codec::OpusDecoder&& decoder,
                             const transport::AudioJitterBufferSettings& settings)
    : stream(std::move(in)), buffer_(settings), decoder_(std::move(decoder)) {
    const auto frames = static_cast<std::size_t>(settings.block / std::chrono::milliseconds(1)) * 48;
    block_samples_ = frames * static_cast<std::size_t>(decoder_.channels());
}

Result<AudioReceiver> AudioReceiver::create(SrtpKey<Receiving>&& key, Ssrc ssrc, Duration block, int channels) {
    auto in = ReceiveStream::create(
        std::move(key),
        {.ssrc = ssrc, .payload_types = {opus_payload_type, opus_payload_type}, .clock_rate = transport::audio_clock});
    if (!in) return Failure(in.error());
    auto decoder = codec::OpusDecoder::create(channels);
    if (!decoder) return Failure(decoder.error());
    return AudioReceiver(std::move(*in), std::move(*decoder), {.block = block});
}

Result<void> AudioReceiver::receive(MutableBytes datagram, Instant now, TraceLog& traces) {
    const auto arrived = stream.open_rtp(datagram, now);
    if (!arrived) return Failure(arrived.error());
    const auto inserted = buffer_.insert(arrived->packet, arrived->extended, now);
    if (!inserted) return inserted;
    arrivals_.note(arrived->packet.header.timestamp.value, now, traces.stamp(now));
    return {};
}

Result<std::size_t> AudioReceiver::decode(const transport::AudioTurn& turn) {
    const std::span<std::int16_t> out = std::span(samples_).first(block_samples_);
    switch (turn.kind) {
        case transport::AudioTurn::Kind::decode: return decoder_.decode(turn.packet, out);
        case transport::AudioTurn::Kind::recover: return decoder_.recover(turn.packet, out);
        case transport::AudioTurn::Kind::conceal: break;
    }
    return decoder_.conceal(out);
}

std::optional<PlayedBlock> AudioReceiver::next(Instant now, TraceLog& traces, RefusalCounts& refused) {
    const auto turn = buffer_.next(now);
    if (!turn) return std::nullopt;
    const bool intact = turn->kind == transport::AudioTurn::Kind::decode;

    FrameTrace trace{.medium = Medium::audio, .timestamp = turn->timestamp.value};
    if (intact) arrivals_.copy_to(trace);
    trace[Stage::dequeued] = traces.stamp(now);
    const auto frames = decode(*turn);
    if (!frames) {
        ++refused[frames.error()];
        // The sound must go on: fall back to silence if even concealment fails.
        const auto concealed = decoder_.conceal(std::span(samples_).first(block_samples_));
        if (!concealed) std::ranges::fill(samples_, std::int16_t{0});
    }
    trace[Stage::decoded] = traces.stamp(now);
    if (intact && frames) traces.push(trace);

    ++stats_.frames;
    if (!frames) ++stats_.concealed;
    const auto captured = stream.captured(turn->timestamp);
    return PlayedBlock{.block = {.samples = std::span(samples_).first(block_samples_),
                                 .channels = decoder_.channels(),
                                 .captured = captured.value_or(now)},
                       .concealed = !intact || !frames,
                       .timestamp = turn->timestamp.value,
                       .captured = captured};
}

ReceiveStats AudioReceiver::stats() const {
    ReceiveStats stats = stats_;
    stats.packets = stream.reception.packets();
    stats.bytes = stream.bytes;
    stats.expected = static_cast<std::uint64_t>(stream.reception.expected());
    stats.concealed += buffer_.concealed();
    stats.recovered = buffer_.recovered();
    stats.skipped = buffer_.dropped();
    stats.jitter = stream.reception.jitter();
    stats.playout_delay = buffer_.target();
    return stats;
}

}  // namespace sotto::call
