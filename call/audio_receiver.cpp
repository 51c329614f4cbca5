#include "call/audio_receiver.h"

#include <algorithm>
#include <utility>

#include "call/audio_sender.h"
#include "transport/opus_payload.h"
#include "transport/red.h"
#include "transport/rtp_clock.h"

namespace sotto::call {
namespace {

constexpr std::int64_t before = codec::longest_period;  // samples played that may be repeated
constexpr std::int64_t longest_packet =
    transport::AudioJitterBuffer::longest_packet / std::chrono::milliseconds(1) * 48;
constexpr std::int64_t furthest_leap = 4096;                     // blocks: play begins anew long before
constexpr std::int64_t most_held = 960 + codec::longest_period;  // a block of 20 ms or two of 10 ms, stretched

}  // namespace

AudioReceiver::AudioReceiver(ReceiveStream&& in, codec::OpusDecoder&& decoder,
                             const transport::AudioJitterBufferSettings& settings)
    : stream(std::move(in)),
      buffer_(settings),
      decoder_(std::move(decoder)),
      block_frames_(settings.block / std::chrono::milliseconds(1) * 48),
      held_(samples(before + most_held)),
      played_(samples(most_held)) {}

Result<AudioReceiver> AudioReceiver::create(SrtpKey<Receiving>&& key, Ssrc ssrc, Duration block, int channels) {
    auto in = ReceiveStream::create(std::move(key), {.ssrc = ssrc,
                                                     .payload_types = {opus_payload_type, redundant_payload_type},
                                                     .clock_rate = transport::audio_clock});
    if (!in) return Failure(in.error());
    auto decoder = codec::OpusDecoder::create(channels);
    if (!decoder) return Failure(decoder.error());
    return AudioReceiver(std::move(*in), std::move(*decoder), {.block = block});
}

std::size_t AudioReceiver::samples(std::int64_t frames) const {
    return static_cast<std::size_t>(frames) * static_cast<std::size_t>(decoder_.channels());
}

Result<void> AudioReceiver::receive(MutableBytes datagram, Instant now, TraceLog& traces) {
    const auto arrived = stream.open_rtp(datagram, now);
    if (!arrived) return Failure(arrived.error());
    Arrival arrival{.received = now, .unprotected = traces.stamp(now)};
    const auto inserted = insert(arrived->packet, now);
    if (!inserted) return inserted;
    arrival.assembled = traces.stamp(now);
    arrivals_.note(arrived->packet.header.timestamp.value, arrival);
    return {};
}

// Blocks are numbered by their time stamps: those of a pair share a packet's number.
Result<std::int64_t> AudioReceiver::number_of(RtpTimestamp timestamp) {
    const std::int64_t since = newest_timestamp_ ? distance(*newest_timestamp_, timestamp) : 0;
    // To the nearest block: other senders round their clocks (RFC 7587 §4.1 asks for the sampling instant).
    const std::int64_t half = since < 0 ? -block_frames_ / 2 : block_frames_ / 2;
    const std::int64_t number = newest_ + std::clamp((since + half) / block_frames_, -furthest_leap, furthest_leap);
    if (since >= 0) newest_ = number, newest_timestamp_ = timestamp;
    return number;
}

// RFC 2198: the earlier blocks first, so that each hole is filled before the present block passes it.
Result<void> AudioReceiver::insert(const transport::RtpPacket& rtp, Instant now) {
    const auto number = number_of(rtp.header.timestamp);
    if (!number) return Failure(number.error());
    if (rtp.header.payload_type != redundant_payload_type) return insert_primary(rtp, *number, now);
    const auto packet = transport::parse_red(rtp.payload);
    if (!packet) return Failure(packet.error());
    const auto ours = [&](const transport::RedBlock& block) {
        return block.type == opus_payload_type && block.timestamp_offset % block_frames_ == 0;
    };
    if (!std::ranges::all_of(packet->blocks(), ours)) return Failure(Error::malformed);
    const auto earlier = packet->blocks().first(packet->count - 1);
    Result<void> inserted;
    for (const transport::RedBlock& block : earlier) {
        const auto copied = buffer_.insert_redundant(block.bytes, *number, block.timestamp_offset / block_frames_, now);
        if (!copied && inserted) inserted = copied;
    }
    const transport::RtpPacket present{.header = rtp.header, .payload = packet->blocks().back().bytes};
    const auto primary = insert_primary(present, *number, now);
    return primary ? inserted : primary;
}

Result<void> AudioReceiver::insert_primary(const transport::RtpPacket& packet, std::int64_t number, Instant now) {
    const auto opus = transport::parse_opus(packet.payload);
    if (opus) received_until_ = packet.header.timestamp + opus->frames;
    const bool had = buffer_.has(number);
    const auto inserted = buffer_.insert(packet, number, now);
    // Its number was new (SRTP refuses replays): the same block said twice, and the first one came.
    const bool again = !inserted && (inserted.error() == Error::replayed || inserted.error() == Error::too_late);
    if (again && had) return {};
    if (!inserted && inserted.error() == Error::too_late) ++stats_.packets_discarded;
    return inserted;
}

// A block of a longer packet, which is decoded once: when its first block is due that has come in time.
Result<std::size_t> AudioReceiver::decode_part(const transport::AudioTurn& turn, std::span<std::int16_t> out) {
    const RtpTimestamp from = turn.timestamp + static_cast<std::uint32_t>(-turn.part * block_frames_);
    if (turn.part == 0 && turn.parts == 1) return decoder_.decode(turn.packet, out);
    if (long_.empty()) long_.resize(samples(longest_packet));  // few calls ever need it
    if (long_from_ != from) {
        const auto decoded = decoder_.decode(turn.packet, long_);
        if (!decoded) return decoded;
        long_from_ = from;
    }
    std::ranges::copy(std::span(long_).subspan(samples(turn.part * block_frames_), out.size()), out.begin());
    return static_cast<std::size_t>(block_frames_);
}

// Fills `out` whatever happens. True if the sound is the packet's, not concealment.
bool AudioReceiver::decode(const transport::AudioTurn& turn, std::span<std::int16_t> out, RefusalCounts& refused) {
    using Kind = transport::AudioTurn::Kind;
    if (turn.kind != Kind::conceal) {
        const auto frames = turn.kind == Kind::decode ? decode_part(turn, out) : decoder_.recover(turn.packet, out);
        if (frames) {
            concealing_ = false;
            return true;
        }
        ++refused[frames.error()];
        if (turn.kind == Kind::decode) ++stats_.concealed;
    }
    stats_.concealed_samples += static_cast<std::uint64_t>(block_frames_);
    if (!std::exchange(concealing_, true)) ++stats_.concealment_events;
    const auto concealed = decoder_.conceal(out);
    if (concealed) return false;
    // The sound must go on: fall back to silence if even concealment fails.
    ++refused[concealed.error()];
    stats_.silent_concealed_samples += static_cast<std::uint64_t>(block_frames_);
    std::ranges::fill(out, std::int16_t{0});
    return false;
}

void AudioReceiver::scale(const transport::AudioTurn& turn) {
    const auto limit = static_cast<std::size_t>(turn.scale_limit);
    const int channels = decoder_.channels();
    if (turn.scale == transport::AudioTurn::Scale::shorten) {
        const auto held = std::span(held_).subspan(samples(before), samples(buffer_.held()));
        const std::size_t removed = codec::shorten(held, channels, limit);
        stats_.removed_samples_for_acceleration += removed;
        buffer_.scaled(-static_cast<std::int64_t>(removed));
    } else if (turn.scale == transport::AudioTurn::Scale::stretch) {
        const auto frames = static_cast<std::size_t>(before + buffer_.held());
        const auto fit = turn.needed ? codec::Fit::best : codec::Fit::unheard;
        const std::size_t inserted = codec::stretch(held_, frames, channels, limit, before, fit);
        stats_.inserted_samples_for_deceleration += inserted;
        buffer_.scaled(static_cast<std::int64_t>(inserted));
    }
}

// Before the block is scaled: it begins to sound once what was held before it has.
void AudioReceiver::count_delay(const transport::AudioTurn& turn) {
    const Duration waits = Duration(std::chrono::seconds(buffer_.held() - block_frames_)) / audio_rate;
    stats_.jitter_buffer_delay += (buffer_.deadline() + waits - turn.arrived) * block_frames_;
    stats_.jitter_buffer_target_delay += buffer_.target() * block_frames_;
    stats_.jitter_buffer_emitted_count += static_cast<std::uint64_t>(block_frames_);
}

void AudioReceiver::hear(const transport::AudioTurn& turn, Instant now, TraceLog& traces, RefusalCounts& refused) {
    FrameTrace trace{.medium = Medium::audio, .timestamp = turn.timestamp.value};
    const bool intact = turn.kind == transport::AudioTurn::Kind::decode;
    if (intact) arrivals_.copy_to(trace);
    trace[Stage::dequeued] = traces.stamp(now);
    const std::int64_t held = buffer_.held() - block_frames_;
    const auto room = std::span(held_).subspan(samples(before + held), samples(block_frames_));
    const bool decoded = decode(turn, room, refused);
    trace[Stage::decoded] = traces.stamp(now);
    if (intact && decoded) traces.decoded(trace);

    ++stats_.blocks_played;
    concealed_ = concealed_ || !intact || !decoded;
    if (decoded) count_delay(turn);
    if (held == 0) held_from_ = turn.timestamp;
    scale(turn);
}

std::optional<PlayedBlock> AudioReceiver::next(Instant now, TraceLog& traces, RefusalCounts& refused) {
    while (const auto turn = buffer_.next(now)) hear(*turn, now, traces, refused);
    const std::int64_t frames = buffer_.held();
    if (!buffer_.play(now)) return std::nullopt;
    traces.shown(Medium::audio, now);

    const auto held = std::span(held_).first(samples(before + frames));
    const auto played = std::span(played_).first(samples(frames));
    std::ranges::copy(held.last(played.size()), played.begin());
    std::ranges::copy(held.last(samples(before)), held_.begin());
    stats_.total_samples_received += static_cast<std::uint64_t>(frames);
    const auto captured = stream.captured(held_from_);
    return PlayedBlock{
        .block = {.samples = played, .channels = decoder_.channels(), .captured = captured.value_or(now)},
        .concealed = std::exchange(concealed_, false),
        .timestamp = held_from_.value,
        .captured = captured};
}

ReceiveStats AudioReceiver::stats() const {
    ReceiveStats stats = stats_;
    stream.add_to(stats);
    stats.total_samples_duration = Seconds(static_cast<double>(stats.total_samples_received) / audio_rate);
    stats.concealed += buffer_.concealed();
    stats.recovered = buffer_.recovered();
    stats.redundant_used = buffer_.redundant_used();
    stats.redundant_unused = buffer_.redundant_unused();
    stats.skipped = buffer_.dropped();
    stats.playout_delay = buffer_.target();
    return stats;
}

}  // namespace sotto::call
