#include "call/audio_sender.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/byte_writer.h"
#include "base/copy_bytes.h"
#include "transport/rtp_clock.h"

namespace sotto::call {

using transport::audio_clock;
using transport::ticks;

namespace {

constexpr int min_bitrate = 8000;
constexpr int max_bitrate = 510000;

// What the next block takes, at a constant bit rate.
std::size_t block_bytes(const codec::OpusSettings& settings) {
    return static_cast<std::size_t>(settings.bitrate) * static_cast<std::size_t>(settings.frame_ms) / 8000 + 1;
}

}  // namespace

std::size_t EarlierBlocks::write(const AudioCopies& copies, RtpTimestamp timestamp, std::size_t reserve,
                                 MutableBytes room) const {
    std::array<transport::RedBlock, AudioCopies::furthest> blocks;  // filled from behind: the oldest goes first
    std::size_t first = blocks.size(), size = 1;
    for (int i = 0; i < copies.count && copies.back(i) <= in_a_row_; ++i) {
        const Block& block = before(copies.back(i));
        const auto offset = static_cast<std::uint32_t>(distance(block.timestamp, timestamp));
        size += std::size_t{4} + block.size;
        if (size + reserve > room.size() || offset > transport::max_red_offset) break;
        blocks[--first] = {opus_payload_type, offset, std::span(block.bytes).first(block.size)};
    }
    return transport::write_red_front(std::span(blocks).subspan(first), opus_payload_type, room).value_or(0);
}

void EarlierBlocks::keep(Bytes block, RtpTimestamp timestamp) {
    if (block.empty() || block.size() > transport::max_red_block_size) {
        in_a_row_ = 0;
        return;
    }
    Block& kept = blocks_[kept_++ % blocks_.size()];
    kept.timestamp = timestamp;
    kept.size = static_cast<std::uint16_t>(block.size());
    copy_bytes(block, kept.bytes);
    in_a_row_ = std::min(in_a_row_ + 1, AudioCopies::furthest);
}

AudioSender::AudioSender(SendStream&& out, std::optional<codec::OpusEncoder>&& encoder)
    : stream(std::move(out)), encoder_(std::move(encoder)), most_bitrate_(bitrate()) {}

Result<AudioSender> AudioSender::create(SrtpKey<Sending>&& key, Ssrc ssrc, bool enabled, const CallSettings& settings,
                                        Random& random) {
    // Lost audio is recovered by FEC, not by retransmission: the history is only the queue's memory.
    auto out = SendStream::create(std::move(key), {.ssrc = ssrc, .history = 10, .reports = 2}, random);
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

    const MutableBytes room = stream.payload_room();
    const bool leaves = unsent_ || !pairs_;
    const std::size_t in_front = leaves ? earlier_.write(this->in_front(), RtpTimestamp{trace.timestamp},
                                                         block_bytes(encoder_->settings()), room)
                                        : 0;
    const auto size = encoder_->encode(block, room.subspan(in_front));
    if (!size) return Failure(size.error());
    earlier_.keep(room.subspan(in_front, *size), RtpTimestamp{trace.timestamp});
    trace[Stage::encoded] = traces.stamp(now);
    last_timestamp_ = RtpTimestamp{trace.timestamp};
    last_captured_ = block.captured;
    samples_ += block.frames();
    ++blocks_;
    ++stream.stats.frames_sent;
    unsent_ = !leaves;
    if (!leaves) return {};

    // RFC 3551 §4.1: the marker is set on the first packet of a talkspurt.
    const PayloadType type = in_front > 0 ? redundant_payload_type : opus_payload_type;
    const SequenceNumber number = stream.keep(in_front + *size, type, last_timestamp_, !std::exchange(begun_, true));
    outbox.push({.kind = Departure::Kind::audio, .sequence = number, .queued = now});
    if (copies_.twice && !pairs_) {
        const Bytes said = room.first(in_front + *size);
        copy_bytes(said, stream.payload_room());
        const SequenceNumber again = stream.keep(said.size(), type, last_timestamp_, false);
        outbox.push({.kind = Departure::Kind::audio_again, .sequence = again, .queued = now});
    }
    trace[Stage::packetised] = traces.stamp(now);
    traces.packetised(trace, number);
    return {};
}

// The second of a pair brings the first along, and copies of both.
AudioCopies AudioSender::in_front() const {
    if (!unsent_) return copies_;
    return {.count = std::min(1 + 2 * copies_.count, AudioCopies::furthest), .spacing = 1};
}

void AudioSender::set_pairs(bool pairs) { pairs_ = pairs && encoder_ && encoder_->settings().frame_ms == 10; }

void AudioSender::set_copies(const AudioCopies& copies) {
    copies_ = {.count = std::clamp(copies.count, 0, AudioCopies::most),
               .spacing = std::clamp(copies.spacing, 1, 2),
               .twice = copies.twice};
}

void AudioSender::set_bitrate(int bits_per_second) {
    if (encoder_) static_cast<void>(encoder_->set_bitrate(std::clamp(bits_per_second, min_bitrate, max_bitrate)));
}

void AudioSender::set_loss(double share) {
    const double within = share >= 0 && copies_.count == 0 ? std::min(share, 1.0) : 0;  // not a number is none
    if (encoder_) static_cast<void>(encoder_->set_expected_loss(static_cast<int>(std::lround(within * 100))));
}

std::optional<transport::SenderInfo> AudioSender::info(Instant start, Instant now) const {
    if (stream.stats.packets_sent == 0) return std::nullopt;
    const auto since_last = static_cast<std::uint32_t>(ticks(now - last_captured_, audio_clock));
    return stream.sender_info(start, now, last_timestamp_ + since_last);
}

}  // namespace sotto::call
