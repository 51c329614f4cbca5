#include "call/video_receiver.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "call/video_sender.h"
#include "transport/rtp_clock.h"
#include "transport/vp8_payload.h"

namespace sotto::call {
namespace {

// Half of PictureRecovery::key_interval: reports get lost, and the sender sees to it that requests do not add up.
constexpr Duration shortest_key_wait = PictureRecovery::key_interval / 2;
constexpr Duration longest_key_wait = std::chrono::seconds(5);
constexpr std::uint64_t times_to_tell = 3;                          // of a golden frame: reports get lost
constexpr Duration longest_stand = std::chrono::milliseconds(120);  // of a picture while the next waits for its sound
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
        std::move(key),
        {.ssrc = ssrc, .payload_types = {vp8_payload_type, vp8_payload_type}, .clock_rate = transport::video_clock});
    if (!in) return Failure(in.error());
    auto decoder = codec::Vp8Decoder::create();
    if (!decoder) return Failure(decoder.error());
    return VideoReceiver(std::move(*in), std::move(*decoder), buffer_settings(pixels));
}

Result<void> VideoReceiver::receive(MutableBytes datagram, Instant now, TraceLog& traces) {
    const auto arrived = stream.open_rtp(datagram, now);
    if (!arrived) return Failure(arrived.error());
    opened(traces.stamp(now));
    Arrival arrival{.received = now, .unprotected = opened_};
    const auto inserted = insert(arrived->packet, arrived->extended, arrival, traces);
    if (!inserted && inserted.error() == Error::too_late) ++stats_.packets_discarded;
    return inserted;
}

Result<void> VideoReceiver::recovered(const transport::RtpPacket& packet, Instant now, TraceLog& traces) {
    // Before the first packet nothing tells which number this one has.
    if (stream.reception.packets() == 0) return Failure(Error::too_late);
    // What is sent again was sent before: by far ahead it would only make all that comes too late.
    const std::int64_t extended = stream.extended(packet.header.sequence);
    constexpr auto frame = static_cast<std::int64_t>(transport::max_frame_packets);
    if (extended > stream.newest() + frame) return Failure(Error::malformed);
    Arrival arrival{.received = now, .unprotected = opened_, .repaired = traces.stamp(now)};
    return insert(packet, extended, arrival, traces);
}

Result<void> VideoReceiver::insert(const transport::RtpPacket& packet, std::int64_t extended, Arrival& arrival,
                                   TraceLog& traces) {
    const Instant now = arrival.received;
    const auto inserted = buffer_.insert(packet, extended, now);
    if (!inserted) return inserted;
    nacks_.received(extended, now, reorder_wait(stream.reception.jitter()));
    arrival.assembled = traces.stamp(now);
    arrivals_.note(packet.header.timestamp.value, arrival);
    return {};
}

std::optional<ShownFrame> VideoReceiver::next(Instant now, TraceLog& traces, RefusalCounts& refused) {
    if (held_ && now < held_until_) return std::nullopt;
    if (const auto frame = std::exchange(held_, std::nullopt)) return present(*frame, now, traces);
    for (;;) {
        const auto frame = buffer_.next(now);
        if (!frame) return std::nullopt;
        const auto shown = show(*frame, now, traces);
        if (!shown) {
            // The next key frame may be here already.
            buffer_.require_key_frame();
            ++refused[shown.error()];
        } else if (*shown) {
            held_until_ = due(**shown, now);
            if (held_until_ <= now) return present(**shown, now, traces);
            held_ = **shown;
            return std::nullopt;
        }
    }
}

Instant VideoReceiver::due(const ShownFrame& frame, Instant now) {
    const auto taken = stream.sender_time(RtpTimestamp{frame.timestamp});
    if (!taken) return now;
    // A picture that stands still is worse than one before its sound.
    const Duration shown_for = now - std::min(shown_.last().value_or(now), now);
    return std::min(lip_sync.due(*taken, now), now + std::max<Duration>(longest_stand - shown_for, Duration{}));
}

ShownFrame VideoReceiver::present(const ShownFrame& frame, Instant now, TraceLog& traces) {
    if (const auto taken = stream.sender_time(RtpTimestamp{frame.timestamp})) lip_sync.shown(*taken, now);
    ++stats_.frames_rendered;
    shown_.shown(now);
    traces.shown(Medium::video, now);
    return frame;
}

// Nothing for a frame that others refer to and nobody sees: the one to show comes after it.
Result<std::optional<ShownFrame>> VideoReceiver::show(const transport::AssembledFrame& frame, Instant now,
                                                      TraceLog& traces) {
    FrameTrace trace{.medium = Medium::video, .timestamp = frame.timestamp.value};
    arrivals_.copy_to(trace);
    trace[Stage::dequeued] = traces.codec_time(now);
    ++stats_.frames_received;
    const auto picture = decoder_.decode(frame.bytes);
    if (!picture) return Failure(picture.error());
    trace[Stage::decoded] = traces.codec_time(now);
    count(frame, trace, now);
    if (!*picture) return std::nullopt;
    traces.decoded(trace);

    if (stats_.frame_width != (*picture)->width) decode_load_.restart();
    stats_.frame_width = (*picture)->width;
    stats_.frame_height = (*picture)->height;
    const auto captured = stream.captured(frame.timestamp);
    ShownFrame shown{.picture = **picture,
                     .encoded = {.bytes = frame.bytes, .key = frame.key},
                     .timestamp = frame.timestamp.value,
                     .captured = captured};
    shown.picture.captured = captured.value_or(now);
    return shown;
}

void VideoReceiver::count(const transport::AssembledFrame& frame, const FrameTrace& trace, Instant now) {
    ++stats_.frames_decoded;
    if (frame.key) ++stats_.key_frames_decoded;
    decoded_.note(now);
    stats_.qp_sum += static_cast<std::uint64_t>(decoder_.quantizer());
    const Duration decoding = trace[Stage::decoded] - trace[Stage::dequeued];
    stats_.total_decode_time += decoding;
    decode_load_.decoded(frame.timestamp, decoding);

    ++stats_.jitter_buffer_emitted_count;
    const ArrivalStamps::Stamps* const arrived = arrivals_.find(frame.timestamp.value);
    if (arrived == nullptr) return;
    stats_.jitter_buffer_delay += now - arrived->first;
    stats_.total_processing_delay += now - arrived->first + decoding;
    if (arrived->packets < 2) return;
    ++stats_.frames_assembled_from_multiple_packets;
    stats_.total_assembly_time += arrived->received - arrived->first;
}

VideoReceiver::Feedback VideoReceiver::feedback(Instant now, Duration round_trip, bool due) {
    Feedback feedback;
    nacks_.forget_before(buffer_.first_useful());
    const std::size_t count = nacks_.due(now, round_trip, asked_);
    feedback.nacks = std::span(asked_).first(count);
    stats_.nacked += count;
    if (count > 0) ++stats_.nack_count;

    if (now >= key_request_deadline()) {
        feedback.picture_loss = true;
        note_key_request(now, round_trip);
    }
    const auto golden = buffer_.golden();
    if (golden != std::exchange(golden_told_, golden)) times_told_ = 0;
    if (!golden || (!due && !feedback.any())) return feedback;
    if (feedback.picture_loss || times_told_ < times_to_tell) feedback.golden = golden;
    ++times_told_;
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
    ++stats_.pli_count;
}

Instant VideoReceiver::key_request_deadline() const {
    if (stream.reception.packets() == 0) return never;
    const Instant wanted = buffer_.key_frame_wanted();
    if (wanted == never || key_asked_ == Instant::min()) return wanted;
    return std::max(wanted, key_asked_ + key_wait_);
}

Instant VideoReceiver::deadline() const {
    return std::min({held_ ? held_until_ : buffer_.deadline(), nacks_.deadline(), key_request_deadline()});
}

ReceiveStats VideoReceiver::stats(Instant now) const {
    ReceiveStats stats = stats_;
    stream.add_to(stats);
    shown_.add_to(stats);
    stats.frames_per_second = decoded_.at(now);
    stats.given_up = nacks_.given_up();
    stats.frames_dropped = buffer_.frames_skipped();
    return stats;
}

}  // namespace sotto::call
