#include "call/video_sender.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "transport/fec.h"
#include "transport/rtp_clock.h"
#include "transport/vp8_payload.h"

namespace sotto::call {
namespace {

using transport::ticks;
using transport::video_clock;

constexpr int first_bitrate = 500'000;  // bit/s, before the path has shown what it takes
constexpr double huge = 2.5;            // times what a frame may have on average (W3C webrtc-stats, hugeFramesSent)
constexpr Duration long_gap = std::chrono::milliseconds(150);  // between two frames: the pictures have moved on
constexpr int finest_quantizer = 2, coarse_quantizer = 42, coarsest_quantizer = 54;  // of libvpx's 63
constexpr int coarse_frames = 48, coarse_steps = 24;
constexpr double worth_changing = 0.03;  // a smaller share of the bit rate is no news to the encoder

// Packets kept for repair: the largest frame and more, a third of a second of a call at 360p and its highest rate.
std::size_t video_history(const CallSettings& settings) {
    const auto pixels =
        static_cast<std::size_t>(settings.video_width) * static_cast<std::size_t>(settings.video_height);
    return std::max<std::size_t>(96, pixels / 2 / transport::max_media_payload);
}

VideoQuality quality_of(const CallSettings& settings) {
    return {.width = settings.video_width,
            .height = settings.video_height,
            .frame_rate = settings.video_frame_rate,
            .cpu_used = settings.video_cpu_used};
}

Result<codec::Vp8Encoder> make_encoder(const CallSettings& settings) {
    return codec::Vp8Encoder::create({.width = settings.video_width,
                                      .height = settings.video_height,
                                      .frame_rate = settings.video_frame_rate,
                                      .bitrate = std::min(settings.video_bitrate, first_bitrate),
                                      .cpu_used = settings.video_cpu_used,
                                      .max_frame = transport::max_frame_size});
}

}  // namespace

VideoSender::VideoSender(SendStream&& out, std::optional<codec::Vp8Encoder>&& encoder, const CallSettings& settings)
    : stream(std::move(out)),
      encoder_(std::move(encoder)),
      adaptation_(quality_of(settings)),
      quality_(quality_of(settings)),
      bitrate_(encoder_ ? encoder_->settings().bitrate : 0),
      sustained_(bitrate_) {}

Result<VideoSender> VideoSender::create(SrtpKey<Sending>&& key, Ssrc ssrc, bool enabled, const CallSettings& settings,
                                        Random& random) {
    auto out =
        SendStream::create(std::move(key), {.ssrc = ssrc, .history = enabled ? video_history(settings) : 1}, random);
    if (!out) return Failure(out.error());
    if (!enabled) return VideoSender(std::move(*out), std::nullopt, settings);
    auto encoder = make_encoder(settings);
    if (!encoder) return Failure(encoder.error());
    return VideoSender(std::move(*out), std::move(*encoder), settings);
}

Result<void> VideoSender::enable(const CallSettings& settings) {
    if (encoder_) return {};
    auto encoder = make_encoder(settings);
    if (!encoder) return Failure(encoder.error());
    encoder_ = std::move(*encoder);
    bitrate_ = sustained_ = encoder_->settings().bitrate;
    stream.keep_more(video_history(settings));
    return {};
}

Result<void> VideoSender::send(const VideoFrame& frame, Instant now, TraceLog& traces, Outbox& outbox) {
    if (!encoder_) return Failure(Error::wrong_state);
    if (frame.captured <= last_captured_) return Failure(Error::invalid_argument);
    if (frames_ == 0) first_captured_ = frame.captured;
    const auto since_first = static_cast<std::uint64_t>(ticks(frame.captured - first_captured_, video_clock));
    FrameTrace trace{.medium = Medium::video, .timestamp = stream.timestamp(since_first).value, .number = given_};
    trace[Stage::captured] = frame.captured;

    if (!adapt(frame, now)) {
        leave_out();
        return {};
    }
    ++given_;
    codec::Vp8FrameOptions options = recovery.choose(now);
    options.layers = quality_.layers;
    // All that has changed since the golden frame, on a path of which little is known: twelve times a usual frame,
    // else.
    if (options.from_golden && recovery.in_doubt()) coarse_ = coarse_frames;
    refine(frame.captured);
    const Instant began = traces.codec_time(now);
    const auto picture = encoder_->scaled(frame);
    if (!picture) return Failure(picture.error());
    const bool smaller = picture->planes[0].data != frame.planes[0].data;
    trace[Stage::scaled] = smaller ? traces.stamp(now) : began;
    const auto encoded = encoder_->encode(*picture, encoder_time(frame.captured), options);
    if (!encoded) return Failure(encoded.error());
    trace[Stage::encoded] = traces.codec_time(now);
    adaptation_.encoded(trace[Stage::encoded] - began);
    last_captured_ = frame.captured;
    ++frames_;
    if (encoded->bytes.empty()) {
        ++stream.stats.frames_dropped;
        return {};
    }

    count(*encoded, trace[Stage::encoded] - began, now);
    recovery.sent(options, *encoded, picture_id_, now);
    recovery.numbered(stream.next_number());
    const auto sent = packetise(*encoded, RtpTimestamp{trace.timestamp}, now, outbox);
    if (!sent) {
        recovery.force_key();  // a frame that did not leave whole breaks all that refer to it
        return sent;
    }
    ++stream.stats.frames_sent;
    trace[Stage::packetised] = traces.stamp(now);
    traces.packetised(trace, newest());
    return {};
}

// libvpx takes a gap between two frames for another frame rate and gives the next one all the bits that it left. Those
// are for the queue that made us leave pictures out.
std::uint64_t VideoSender::encoder_time(Instant captured) {
    if (frames_ == 0) return encoder_time_;
    const auto interval = static_cast<std::uint64_t>(video_clock / static_cast<unsigned>(quality_.frame_rate));
    const auto passed = static_cast<std::uint64_t>(ticks(captured - last_captured_, video_clock));
    return encoder_time_ += std::clamp<std::uint64_t>(passed, 1, interval * 3 / 2);
}

// What libvpx learnt of its pictures at a much higher rate, or before a gap, misleads it, and what a small picture
// lacks would come at once: the next frame may take a second of the path. So for a while it may not be finer than this,
// step by step less.
void VideoSender::refine(Instant captured) {
    if (small_ || (frames_ > 0 && captured - last_captured_ > long_gap)) coarse_ = coarse_frames;
    if (coarse_ > 0) --coarse_;
    const int steps = (coarse_ + coarse_frames / coarse_steps - 1) / (coarse_frames / coarse_steps);
    const int finest =
        small_ ? coarsest_quantizer : finest_quantizer + (coarse_quantizer - finest_quantizer) * steps / coarse_steps;
    if (finest != encoder_->settings().finest) static_cast<void>(encoder_->set_finest(finest));
}

bool VideoSender::adapt(const VideoFrame& frame, Instant now) {
    const VideoQuality before = std::exchange(quality_, adaptation_.choose(sustained_, unrepaired_, now));
    const bool resized = quality_.width != before.width || quality_.height != before.height;
    if (resized && !encoder_->set_size(quality_.width, quality_.height)) quality_ = before;
    if (quality_.cpu_used != before.cpu_used && !encoder_->set_cpu_used(quality_.cpu_used)) quality_ = before;
    count_limits(before, now);
    // Three quarters: capture times are never quite even.
    const Duration interval = std::chrono::nanoseconds(std::chrono::seconds(1)) / quality_.frame_rate * 3 / 4;
    return frames_ == 0 || frame.captured - last_captured_ >= interval;
}

void VideoSender::count(const EncodedFrame& frame, Duration encoding, Instant now) {
    SendStats& stats = stream.stats;
    const int target = bitrate_ / 8 / quality_.frame_rate;
    ++stats.frames_encoded;
    if (frame.key) ++stats.key_frames_encoded;
    if (static_cast<double>(frame.bytes.size()) >= huge * target) ++stats.huge_frames_sent;
    stats.total_encoded_bytes_target += static_cast<std::uint64_t>(target);
    stats.qp_sum += static_cast<std::uint64_t>(encoder_->quantizer());
    stats.total_encode_time += encoding;
    stats.frame_width = quality_.width;
    stats.frame_height = quality_.height;
    encoded_.note(now);
}

void VideoSender::count_limits(const VideoQuality& before, Instant now) {
    SendStats& stats = stream.stats;
    const auto reason = static_cast<std::size_t>(stats.quality_limitation_reason);
    if (limits_counted_) stats.quality_limitation_durations[reason] += now - *limits_counted_;
    limits_counted_ = now;
    stats.quality_limitation_reason = adaptation_.limitation();
    const bool resized = quality_.width != before.width || quality_.height != before.height;
    if (resized && stats.frames_encoded > 0) ++stats.quality_limitation_resolution_changes;
}

SendStats VideoSender::stats(Instant now) const {
    SendStats stats = stream.stats;
    stats.target_bitrate = bitrate_;
    stats.frames_per_second = encoded_.at(now);
    stats.encoder_speed = quality_.cpu_used;
    return stats;
}

Result<void> VideoSender::packetise(const EncodedFrame& frame, RtpTimestamp timestamp, Instant now, Outbox& outbox) {
    transport::Vp8Packetizer packetizer(frame, transport::max_media_payload, picture_id_);
    if (packetizer.packets_left() > transport::max_frame_packets) return Failure(Error::too_large);
    std::ranges::rotate(frame_packets_, frame_packets_.end() - 1);
    frame_packets_.front() = packetizer.packets_left();
    picture_id_ = static_cast<std::uint16_t>((picture_id_ + 1) & 0x7fff);  // RFC 7741 §4.2: 15 bits
    while (!packetizer.done()) {
        const auto size = packetizer.next(stream.payload_room());
        if (!size) return Failure(size.error());
        const SequenceNumber number = stream.keep(*size, vp8_payload_type, timestamp, packetizer.done());
        outbox.push({.kind = Departure::Kind::video, .sequence = number, .queued = now});
    }
    return {};
}

std::optional<transport::SenderInfo> VideoSender::info(Instant start, Instant now) const {
    if (stream.stats.packets_sent == 0) return std::nullopt;
    const auto since_first = static_cast<std::uint64_t>(ticks(now - first_captured_, video_clock));
    return stream.sender_info(start, now, stream.timestamp(since_first));
}

std::uint8_t VideoSender::parity_window() const {
    // Of frames before the newest only such as are not much larger: a repair packet has the size of the largest.
    std::size_t packets = 0;
    for (const std::size_t frame : frame_packets_) {
        if (frame > 2 * frame_packets_.front() + 1) break;
        packets += frame;
    }
    return static_cast<std::uint8_t>(std::min(packets, transport::max_fec_window));
}

Result<void> VideoSender::check_bitrate(int bits_per_second) const {
    if (!encoder_) return Failure(Error::wrong_state);
    if (bits_per_second < 10'000 || bits_per_second > 50'000'000) return Failure(Error::invalid_argument);
    return {};
}

void VideoSender::set_share(int bits_per_second, int sustained, double unrepaired) {
    sustained_ = sustained;
    unrepaired_ = unrepaired;
    if (!encoder_ || std::abs(bits_per_second - bitrate_) <= bitrate_ * worth_changing) return;
    if (bits_per_second < bitrate_ / 2) coarse_ = coarse_frames;
    if (encoder_->set_bitrate(bits_per_second)) bitrate_ = bits_per_second;
}

}  // namespace sotto::call
