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
// Between the packets of one block: what drops neighbours in a queue leaves the others, and the last of four is there
// within the 5 ms that each block waits.
constexpr Duration again_after = std::chrono::microseconds(1250);

// What the next block takes, at a constant bit rate.
std::size_t block_bytes(const codec::OpusSettings& settings) {
    return static_cast<std::size_t>(settings.bitrate) * static_cast<std::size_t>(settings.frame_ms) / 8000 + 1;
}

}  // namespace

std::size_t EarlierBlocks::write(const AudioCopies& copies, RtpTimestamp timestamp, std::size_t reserve,
                                 MutableBytes room) const {
    std::array<transport::RedBlock, AudioCopies::furthest> blocks;  // filled from behind: the oldest goes first
    std::size_t first = blocks.size(), size = 1;
    const int present = in_a_row_ > 0 && before(1).timestamp == timestamp ? 1 : 0;
    for (int i = 0; i < copies.count && copies.back(i) + present <= in_a_row_; ++i) {
        const Block& block = before(copies.back(i) + present);
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
    in_a_row_ = std::min(in_a_row_ + 1, most);
}

AudioSender::AudioSender(SendStream&& out, std::optional<codec::OpusEncoder>&& encoder)
    : stream(std::move(out)), encoder_(std::move(encoder)), most_bitrate_(bitrate()) {
    if (!encoder_) return;
    block_ms_ = encoder_->settings().frame_ms;
}

Result<AudioSender> AudioSender::create(SrtpKey<Sending>&& key, Ssrc ssrc, bool enabled, const CallSettings& settings,
                                        Random& random) {
    // Lost audio is recovered by FEC, not by retransmission: the history is only the queue's memory.
    auto out = SendStream::create(std::move(key), {.ssrc = ssrc, .history = 12, .reports = 2}, random);
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

    if (gathered_.empty()) gathering_ms_ = unsent_ ? 0 : long_ms_;
    const bool alone = gathering_ms_ == 0 && !unsent_;
    const MutableBytes room = stream.payload_room();
    const auto packet = gathering_ms_ > 0 ? gather(block) : encode(block);
    if (!packet) return Failure(packet.error());
    trace[Stage::encoded] = traces.stamp(now);
    last_timestamp_ = RtpTimestamp{trace.timestamp};
    last_captured_ = block.captured;
    samples_ += block.frames();
    ++blocks_;
    ++stream.stats.frames_sent;
    if (packet->size == 0) return {};
    if (gathering_ms_ > 0) {  // its first block's, as the peer's trace of it
        trace[Stage::captured] -=
            Duration(std::chrono::seconds(last_timestamp_.value - packet->timestamp.value)) / audio_rate;
        trace.timestamp = packet->timestamp.value;
    }

    // RFC 3551 §4.1: the marker is set on the first packet of a talkspurt.
    const SequenceNumber number =
        stream.keep(packet->size, packet->type, packet->timestamp, !std::exchange(begun_, true));
    outbox.push({.kind = Departure::Kind::audio, .sequence = number, .queued = now});
    if (copies_.times > 1 && alone) send_again(*packet, room.first(packet->size), now, outbox);
    trace[Stage::packetised] = traces.stamp(now);
    traces.packetised(trace, number);
    return {};
}

// The packet's block once more, or more often, with the same copies or with the others.
void AudioSender::send_again(const Packet& packet, Bytes payload, Instant now, Outbox& outbox) {
    for (int i = 1; i < copies_.times; ++i) {
        const SequenceNumber number = keep_again(packet, payload);
        outbox.push({.kind = Departure::Kind::audio_again, .sequence = number, .queued = now + i * again_after});
    }
}

SequenceNumber AudioSender::keep_again(const Packet& packet, Bytes payload) {
    const MutableBytes room = stream.payload_room();
    std::size_t front = packet.front;
    if (copies_.shared) {
        payload = payload.subspan(packet.front);
        front = earlier_.write(copies_.again(), packet.timestamp, payload.size(), room);
        copy_bytes(payload, room.subspan(front));
        payload = room.first(front + payload.size());
    } else {
        copy_bytes(payload, room);
    }
    const PayloadType type = front > 0 ? redundant_payload_type : opus_payload_type;
    return stream.keep(payload.size(), type, packet.timestamp, false);
}

// A packet of the block, or of it and the one before, and of copies.
Result<AudioSender::Packet> AudioSender::encode(const AudioBlock& block) {
    const RtpTimestamp timestamp = stream.timestamp(samples_);
    const MutableBytes room = stream.payload_room();
    const bool leaves = unsent_ || !pairs_;
    const std::size_t in_front =
        leaves ? earlier_.write(this->in_front(), timestamp, block_bytes(encoder_->settings()), room) : 0;
    const auto size = encoder_->encode(block, room.subspan(in_front));
    if (!size) return Failure(size.error());
    earlier_.keep(room.subspan(in_front, *size), timestamp);
    unsent_ = !leaves;
    const PayloadType type = in_front > 0 ? redundant_payload_type : opus_payload_type;
    return Packet{.type = type, .timestamp = timestamp, .size = leaves ? in_front + *size : 0, .front = in_front};
}

// A packet once it is full. RFC 7587 §4.2: its time stamp is that of its first sample.
Result<AudioSender::Packet> AudioSender::gather(const AudioBlock& block) {
    const auto frames_of = [](int ms) { return static_cast<std::size_t>(ms) * 48; };
    if (block.channels != encoder_->settings().channels || block.frames() != frames_of(block_ms_)) {
        return Failure(Error::unsupported_media);
    }
    gathered_.reserve(static_cast<std::size_t>(60 * 48 * block.channels));  // once: few calls ever need it
    gathered_.insert(gathered_.end(), block.samples.begin(), block.samples.end());
    const AudioBlock all{.samples = gathered_, .channels = block.channels};
    if (all.frames() < frames_of(gathering_ms_)) return Packet{};

    earlier_.keep({}, {});  // a copy of it would be too long to be waited for
    static_cast<void>(encoder_->set_frame_ms(gathering_ms_));
    const auto size = encoder_->encode(all, stream.payload_room());
    static_cast<void>(encoder_->set_frame_ms(block_ms_));
    const std::size_t before = all.frames() - block.frames();
    gathered_.clear();
    if (!size) return Failure(size.error());
    return Packet{.type = opus_payload_type, .timestamp = stream.timestamp(samples_ - before), .size = *size};
}

// The second of a pair brings the first along, and copies of both.
AudioCopies AudioSender::in_front() const {
    if (!unsent_) return copies_.times > 1 ? copies_.first() : copies_;
    return {.count = std::min(1 + 2 * copies_.count, AudioCopies::furthest), .spacing = 1};
}

void AudioSender::set_pairs(bool pairs) { pairs_ = pairs && encoder_ && block_ms_ == 10; }

void AudioSender::set_long(int packet_ms) {
    long_ms_ = encoder_ && (packet_ms == 40 || packet_ms == 60) ? packet_ms : 0;
}

void AudioSender::set_copies(const AudioCopies& copies) {
    copies_ = {.count = std::clamp(copies.count, 0, AudioCopies::most),
               .spacing = std::clamp(copies.spacing, 1, 2),
               .times = std::clamp(copies.times, 1, AudioCopies::most_times),
               .shared = copies.shared};
}

void AudioSender::set_bitrate(int bits_per_second) {
    if (encoder_) static_cast<void>(encoder_->set_bitrate(std::clamp(bits_per_second, min_bitrate, max_bitrate)));
}

void AudioSender::set_loss(double share) {
    const double within =
        share >= 0 && copies_.count == 0 && copies_.times == 1 ? std::min(share, 1.0) : 0;  // not a number is none
    if (encoder_) static_cast<void>(encoder_->set_expected_loss(static_cast<int>(std::lround(within * 100))));
}

std::optional<transport::SenderInfo> AudioSender::info(Instant start, Instant now) const {
    if (stream.stats.packets_sent == 0) return std::nullopt;
    const auto since_last = static_cast<std::uint32_t>(ticks(now - last_captured_, audio_clock));
    return stream.sender_info(start, now, last_timestamp_ + since_last);
}

}  // namespace sotto::call
