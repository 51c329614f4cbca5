#include "call/receiver.h"

#include <algorithm>
#include <bit>

#include "call/sender.h"
#include "transport/rtp_clock.h"

namespace sotto::call {
namespace {

// Half of VideoSender::key_interval: reports get lost, and the sender sees to it that requests do not add up.
constexpr Duration shortest_key_wait = VideoSender::key_interval / 2;
constexpr Duration longest_key_wait = std::chrono::seconds(5);
constexpr std::size_t pixels_360p = 640 * 360;

// Any frame that the protocol allows fits; large pictures of our own hint at a fast stream, which needs more packets
// for the same time. Left open: a peer may send tiny frames that decode to pictures of Vp8Decoder::max_dimension
// squared, at the cost of our time and libvpx's memory, until we hang up.
transport::VideoJitterBufferSettings buffer_settings(std::size_t pixels) {
    const std::size_t scale = std::bit_ceil((std::max(pixels, pixels_360p) + pixels_360p - 1) / pixels_360p);
    transport::VideoJitterBufferSettings settings;
    settings.packets *= scale;
    return settings;
}

// A packet that is late by the usual jitter is not lost; it is worth no more wait than this, though.
Duration reorder_wait(Duration jitter) {
    return std::clamp<Duration>(3 * jitter, std::chrono::milliseconds(5), std::chrono::milliseconds(20));
}

}  // namespace

VideoReceiver::VideoReceiver(ReceiveStream&& in, codec::Vp8Decoder&& decoder,
                             const transport::VideoJitterBufferSettings& settings)
    : stream(std::move(in)), buffer_(settings), decoder_(std::move(decoder)) {}

Result<VideoReceiver> VideoReceiver::create(SrtpKey<Receiving>&& key, Ssrc ssrc, std::size_t pixels) {
    auto in = ReceiveStream::create(
        std::move(key), {.ssrc = ssrc, .payload_type = vp8_payload_type, .clock_rate = transport::video_clock});
    if (!in) return Failure(in.error());
    auto decoder = codec::Vp8Decoder::create();
    if (!decoder) return Failure(decoder.error());
    return VideoReceiver(std::move(*in), std::move(*decoder), buffer_settings(pixels));
}

Result<void> VideoReceiver::receive(MutableBytes datagram, Instant now, TraceLog& traces) {
    const auto arrived = stream.open_rtp(datagram, now);
    if (!arrived) return Failure(arrived.error());
    const auto inserted = buffer_.insert(arrived->packet, arrived->extended, now);
    if (!inserted) return inserted;
    nacks_.received(arrived->extended, now, reorder_wait(stream.reception.jitter()));
    arrivals_.note(arrived->packet.header.timestamp.value, now, traces.stamp(now));
    return {};
}

std::optional<ShownFrame> VideoReceiver::next(Instant now, TraceLog& traces, RefusalCounts& refused) {
    for (;;) {
        const auto frame = buffer_.next(now);
        if (!frame) return std::nullopt;
        const auto shown = show(*frame, now, traces);
        if (!shown) {
            // The next key frame may be here already.
            buffer_.require_key_frame();
            ++refused[shown.error()];
        } else if (*shown) {
            return *shown;
        }
    }
}

// Nothing for a frame that others refer to and nobody sees: the one to show comes after it.
Result<std::optional<ShownFrame>> VideoReceiver::show(const transport::AssembledFrame& frame, Instant now,
                                                      TraceLog& traces) {
    FrameTrace trace{.medium = Medium::video, .timestamp = frame.timestamp.value};
    arrivals_.copy_to(trace);
    trace[Stage::dequeued] = traces.stamp(now);
    const auto picture = decoder_.decode(frame.bytes);
    if (!picture) return Failure(picture.error());
    if (!*picture) return std::nullopt;
    trace[Stage::decoded] = traces.stamp(now);
    traces.push(trace);

    ++stats_.frames;
    const auto captured = stream.captured(frame.timestamp);
    ShownFrame shown{.picture = **picture,
                     .encoded = {.bytes = frame.bytes, .key = frame.key},
                     .timestamp = frame.timestamp.value,
                     .captured = captured};
    shown.picture.captured = captured.value_or(now);
    return shown;
}

VideoReceiver::Feedback VideoReceiver::feedback(Instant now, Duration round_trip) {
    Feedback feedback;
    nacks_.forget_before(buffer_.first_useful());
    const std::size_t count = nacks_.due(now, round_trip, asked_);
    feedback.nacks = std::span(asked_).first(count);
    stats_.nacked += count;

    if (now >= key_request_deadline()) {
        feedback.picture_loss = true;
        note_key_request(now, round_trip);
    }
    return feedback;
}

// A key frame is asked for again only when an answer to the last request can have come, and more and more rarely while
// nothing at all comes: the peer's camera has stopped.
void VideoReceiver::note_key_request(Instant now, Duration round_trip) {
    const Duration shortest = std::max<Duration>(round_trip * 2, shortest_key_wait);
    const bool silent = key_asked_ != Instant::min() && stream.reception.packets() == packets_at_request_;
    key_wait_ = silent ? std::min<Duration>(key_wait_ * 2, longest_key_wait) : shortest;
    packets_at_request_ = stream.reception.packets();
    key_asked_ = now;
    ++stats_.key_requests;
}

Instant VideoReceiver::key_request_deadline() const {
    if (stream.reception.packets() == 0) return never;
    const Instant wanted = buffer_.key_frame_wanted();
    if (wanted == never || key_asked_ == Instant::min()) return wanted;
    return std::max(wanted, key_asked_ + key_wait_);
}

Instant VideoReceiver::deadline() const {
    return std::min({buffer_.deadline(), nacks_.deadline(), key_request_deadline()});
}

ReceiveStats VideoReceiver::stats() const {
    ReceiveStats stats = stats_;
    stats.packets = stream.reception.packets();
    stats.bytes = stream.bytes;
    stats.expected = static_cast<std::uint64_t>(stream.reception.expected());
    stats.given_up = nacks_.given_up();
    stats.skipped = buffer_.frames_skipped();
    stats.jitter = stream.reception.jitter();
    return stats;
}

AudioReceiver::AudioReceiver(ReceiveStream&& in, codec::OpusDecoder&& decoder,
                             const transport::AudioJitterBufferSettings& settings)
    : stream(std::move(in)), buffer_(settings), decoder_(std::move(decoder)) {
    const auto frames = static_cast<std::size_t>(settings.block / std::chrono::milliseconds(1)) * 48;
    block_samples_ = frames * static_cast<std::size_t>(decoder_.channels());
}

Result<AudioReceiver> AudioReceiver::create(SrtpKey<Receiving>&& key, Ssrc ssrc, Duration block, int channels) {
    auto in = ReceiveStream::create(
        std::move(key), {.ssrc = ssrc, .payload_type = opus_payload_type, .clock_rate = transport::audio_clock});
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
