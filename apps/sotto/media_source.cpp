#include "apps/sotto/media_source.h"

extern "C" {
#include <libavdevice/avdevice.h>
}
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <sstream>

#include "apps/sotto/test_source.h"
#include "sotto/media.h"
#include "transport/net/udp_socket.h"

namespace sotto::app {
namespace {

// "alsa:default" is device "default" of FFmpeg's input format "alsa".
std::pair<const AVInputFormat*, std::string> split_device(const std::string& spec) {
    if (!is_device(spec)) return {nullptr, spec};
    avdevice_register_all();
    const auto colon = spec.find(':');
    return {av_find_input_format(spec.substr(0, colon).c_str()), spec.substr(colon + 1)};
}

// While it lives nothing reaches standard error: ALSA writes its own lines there before FFmpeg gives us an error.
class SilentStandardError {
  public:
    SilentStandardError() : kept_(dup(STDERR_FILENO)) {
        const transport::net::Descriptor nowhere(open("/dev/null", O_WRONLY | O_CLOEXEC));
        if (kept_ && nowhere) dup2(nowhere.get(), STDERR_FILENO);
    }
    SilentStandardError(const SilentStandardError&) = delete;
    SilentStandardError& operator=(const SilentStandardError&) = delete;
    ~SilentStandardError() {
        if (kept_) dup2(kept_.get(), STDERR_FILENO);
    }

  private:
    transport::net::Descriptor kept_;
};

int open_input(AVFormatContext** opened, const std::string& name, const AVInputFormat* device) {
    std::optional<SilentStandardError> silence;
    if (device != nullptr) silence.emplace();
    return avformat_open_input(opened, name.c_str(), device, nullptr);
}

}  // namespace

bool is_device(const std::string& spec) {
    return spec.starts_with("v4l2:") || spec.starts_with("alsa:") || spec.starts_with("pulse:");
}

Expected<Decoder> Decoder::open(const std::string& spec, AVMediaType type) {
    av_log_set_level(AV_LOG_FATAL);
    const auto [input, name] = split_device(spec);
    if (is_device(spec) && input == nullptr) return std::unexpected(spec + ": this FFmpeg has no such kind of device");
    AVFormatContext* opened = nullptr;
    int code = open_input(&opened, name, input);
    if (code < 0) return std::unexpected(ffmpeg_error("cannot open " + spec, code));
    Decoder decoder;
    decoder.format_.reset(opened);
    code = avformat_find_stream_info(opened, nullptr);
    if (code < 0) return std::unexpected(ffmpeg_error("cannot read " + spec, code));
    const AVCodec* codec = nullptr;
    decoder.stream_ = av_find_best_stream(opened, type, -1, -1, &codec, 0);
    if (decoder.stream_ < 0 || codec == nullptr) {
        return std::unexpected(spec + " has no " + av_get_media_type_string(type) + " that FFmpeg can decode");
    }
    decoder.codec_.reset(avcodec_alloc_context3(codec));
    decoder.packet_.reset(av_packet_alloc());
    decoder.frame_.reset(av_frame_alloc());
    avcodec_parameters_to_context(decoder.codec_.get(), opened->streams[decoder.stream_]->codecpar);
    code = avcodec_open2(decoder.codec_.get(), codec, nullptr);
    if (code < 0) return std::unexpected(ffmpeg_error("cannot decode " + spec, code));
    return decoder;
}

Expected<const AVFrame*> Decoder::next() {
    for (;;) {
        const int received = avcodec_receive_frame(codec_.get(), frame_.get());
        if (received == 0) return frame_.get();
        if (received == AVERROR_EOF) return nullptr;
        if (received != AVERROR(EAGAIN)) return std::unexpected(ffmpeg_error("cannot decode", received));
        const int read = av_read_frame(format_.get(), packet_.get());
        if (read == AVERROR_EOF) {
            if (draining_) return nullptr;
            draining_ = true;
            avcodec_send_packet(codec_.get(), nullptr);
            continue;
        }
        if (read < 0) return std::unexpected(ffmpeg_error("cannot read", read));
        // A broken packet costs its own frame only.
        if (packet_->stream_index == stream_) avcodec_send_packet(codec_.get(), packet_.get());
        av_packet_unref(packet_.get());
    }
}

Expected<void> Decoder::rewind() {
    const int code = av_seek_frame(format_.get(), stream_, 0, AVSEEK_FLAG_BACKWARD);
    if (code < 0) return std::unexpected(ffmpeg_error("cannot start again", code));
    avcodec_flush_buffers(codec_.get());
    draining_ = false;
    return {};
}

double Decoder::frame_rate() const {
    const AVRational rate = av_guess_frame_rate(format_.get(), format_->streams[stream_], nullptr);
    return rate.num > 0 && rate.den > 0 ? av_q2d(rate) : 30.0;
}

Expected<VideoSource> VideoSource::open(const std::string& spec, int width, int height, double max_frame_rate,
                                        bool loop) {
    auto picture = codec::I420Buffer::create(width, height);
    if (!picture) return std::unexpected("no picture can be " + std::to_string(width) + "x" + std::to_string(height));
    VideoSource source(std::move(*picture));
    source.loop_ = loop && !is_device(spec);
    source.frame_rate_ = max_frame_rate;
    if (spec == "test") return source;
    auto decoder = Decoder::open(spec, AVMEDIA_TYPE_VIDEO);
    if (!decoder) return std::unexpected(decoder.error());
    source.decoder_ = std::make_unique<Decoder>(std::move(*decoder));
    source.source_rate_ = source.decoder_->frame_rate();
    source.frame_rate_ = std::min(max_frame_rate, source.source_rate_);
    return source;
}

Expected<const codec::I420Buffer*> VideoSource::next() {
    if (decoder_ == nullptr) {
        render_scene(index_++, frame_rate_, picture_);
        return &picture_;
    }
    // Where the source is faster than wanted, pictures between are left out by their place in time.
    const double per_picture = source_rate_ / frame_rate_;
    const auto wanted = static_cast<std::uint64_t>(std::floor(static_cast<double>(index_) * per_picture)) + 1;
    while (decoded_ < wanted) {
        const auto more = decode_next();
        if (!more) return std::unexpected(more.error());
        if (!*more) return nullptr;
    }
    ++index_;
    return &picture_;
}

Expected<bool> VideoSource::decode_next() {
    for (bool rewound = false;; rewound = true) {
        const auto frame = decoder_->next();
        if (!frame) return std::unexpected(frame.error());
        if (*frame != nullptr) {
            ++decoded_;
            const auto scaled = scale(**frame);
            if (!scaled) return std::unexpected(scaled.error());
            return true;
        }
        if (!loop_ || rewound) return false;
        const auto again = decoder_->rewind();
        if (!again) return std::unexpected(again.error());
    }
}

Expected<void> VideoSource::scale(const AVFrame& frame) {
    // The largest centred part of the frame that has the picture's aspect, cut at even pixels. A frame that lacks only
    // what made its sides even is the whole picture made smaller.
    int width = frame.width;
    int height = frame.height;
    const long excess = static_cast<long>(width) * picture_.height() - static_cast<long>(height) * picture_.width();
    const bool same_aspect = std::abs(excess) <= 2L * std::max(picture_.width(), picture_.height());
    if (!same_aspect && excess > 0) {
        width = static_cast<int>(static_cast<long>(height) * picture_.width() / picture_.height()) & ~1;
    } else if (!same_aspect) {
        height = static_cast<int>(static_cast<long>(width) * picture_.height() / picture_.width()) & ~1;
    }
    const auto format = static_cast<AVPixelFormat>(frame.format);
    scaler_.reset(sws_getCachedContext(scaler_.release(), width, height, format, picture_.width(), picture_.height(),
                                       AV_PIX_FMT_YUV420P, SWS_BILINEAR, nullptr, nullptr, nullptr));
    if (!scaler_) return std::unexpected("FFmpeg cannot convert this kind of picture");
    FfmpegPtr<AVFrame> part(av_frame_clone(&frame));
    part->crop_left = static_cast<std::size_t>((frame.width - width) / 2) & ~std::size_t{1};
    part->crop_top = static_cast<std::size_t>((frame.height - height) / 2) & ~std::size_t{1};
    part->crop_right = static_cast<std::size_t>(frame.width - width) - part->crop_left;
    part->crop_bottom = static_cast<std::size_t>(frame.height - height) - part->crop_top;
    av_frame_apply_cropping(part.get(), AV_FRAME_CROP_UNALIGNED);
    std::uint8_t* planes[] = {picture_.plane(0).data(), picture_.plane(1).data(), picture_.plane(2).data(), nullptr};
    const int strides[] = {static_cast<int>(picture_.stride(0)), static_cast<int>(picture_.stride(1)),
                           static_cast<int>(picture_.stride(2)), 0};
    sws_scale(scaler_.get(), part->data, part->linesize, 0, height, planes, strides);
    return {};
}

Expected<AudioSource> AudioSource::open(const std::string& spec, int channels, bool loop) {
    AudioSource source;
    source.channels_ = channels;
    source.loop_ = loop && !is_device(spec);
    if (spec == "test") return source;
    std::istringstream list(spec);
    for (std::string file; std::getline(list, file, ',');) source.files_.push_back(file);
    if (source.files_.empty()) return std::unexpected("no audio source is named");
    const auto opened = source.open_file(0);
    if (!opened) return std::unexpected(opened.error());
    return source;
}

Expected<void> AudioSource::open_file(std::size_t file) {
    file_ = file;
    auto decoder = Decoder::open(files_[file], AVMEDIA_TYPE_AUDIO);
    if (!decoder) return std::unexpected(decoder.error());
    decoder_ = std::make_unique<Decoder>(std::move(*decoder));
    resampler_.reset();
    return {};
}

Expected<std::size_t> AudioSource::read(std::span<std::int16_t> out) {
    if (files_.empty()) {
        render_voice(position_, out, channels_);
        position_ += out.size() / static_cast<std::size_t>(channels_);
        return out.size();
    }
    while (pending_.size() < out.size()) {
        const auto more = fill();
        if (!more) return std::unexpected(more.error());
        if (!*more) break;
    }
    const std::size_t count = std::min(out.size(), pending_.size());
    std::copy_n(pending_.begin(), count, out.begin());
    pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(count));
    return count;
}

// Decodes a little more; false at the end of it all.
Expected<bool> AudioSource::fill() {
    const auto frame = decoder_->next();
    if (!frame) return std::unexpected(frame.error());
    if (*frame != nullptr) {
        const auto converted = convert(*frame);
        if (!converted) return std::unexpected(converted.error());
        return true;
    }
    if (!resampler_) return std::unexpected(files_[file_] + " has no sound in it");
    const auto flushed = convert(nullptr);
    if (!flushed) return std::unexpected(flushed.error());
    const bool last = file_ + 1 == files_.size();
    if (last && !loop_) return false;
    const auto opened = open_file(last ? 0 : file_ + 1);
    if (!opened) return std::unexpected(opened.error());
    return true;
}

Expected<void> AudioSource::start_resampler(const Format& given) {
    AVChannelLayout theirs;
    AVChannelLayout ours;
    av_channel_layout_default(&theirs, given.channels);
    av_channel_layout_default(&ours, channels_);
    SwrContext* made = nullptr;
    const int code = swr_alloc_set_opts2(&made, &ours, AV_SAMPLE_FMT_S16, audio_rate, &theirs, given.samples,
                                         given.rate, 0, nullptr);
    resampler_.reset(made);
    if (code < 0 || swr_init(made) < 0) return std::unexpected("FFmpeg cannot convert this kind of sound");
    resampled_ = given;
    return {};
}

Expected<void> AudioSource::convert(const AVFrame* frame) {
    if (frame != nullptr) {
        const Format given{.samples = static_cast<AVSampleFormat>(frame->format),
                           .rate = frame->sample_rate,
                           .channels = frame->ch_layout.nb_channels};
        // A file may change its format half-way.
        if (!resampler_ || given != resampled_) {
            const auto started = start_resampler(given);
            if (!started) return started;
        }
    }
    const int room = swr_get_out_samples(resampler_.get(), frame != nullptr ? frame->nb_samples : 0);
    const std::size_t before = pending_.size();
    pending_.resize(before + static_cast<std::size_t>(room) * static_cast<std::size_t>(channels_));
    auto* target = reinterpret_cast<std::uint8_t*>(pending_.data() + before);
    const auto** input = frame != nullptr ? const_cast<const std::uint8_t**>(frame->extended_data) : nullptr;
    const int made = swr_convert(resampler_.get(), &target, room, input, frame != nullptr ? frame->nb_samples : 0);
    if (made < 0) return std::unexpected(ffmpeg_error("cannot convert sound", made));
    pending_.resize(before + static_cast<std::size_t>(made) * static_cast<std::size_t>(channels_));
    return {};
}

}  // namespace sotto::app
