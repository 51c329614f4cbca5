#include "apps/sotto/recorder.h"

#include <algorithm>
#include <cstring>

#include "apps/sotto/private_file.h"
#include "sotto/media.h"

namespace sotto::app {
namespace {

constexpr int video_stream = 0;
constexpr int audio_stream = 1;
constexpr int opus_bitrate = 96000;
constexpr AVRational milliseconds{1, 1000};

void free_packet_copy(void*, std::uint8_t* data) { delete[] data; }

}  // namespace

void Recorder::CloseOutput::operator()(AVFormatContext* context) const {
    avio_closep(&context->pb);
    avformat_free_context(context);
}

Expected<Recorder> Recorder::open(const std::string& path, int width, int height, int channels) {
    av_log_set_level(AV_LOG_FATAL);
    Recorder recorder;
    AVFormatContext* made = nullptr;
    int code = avformat_alloc_output_context2(&made, nullptr, "webm", path.c_str());
    if (code < 0) return std::unexpected(ffmpeg_error("cannot record to " + path, code));
    recorder.format_.reset(made);
    AVCodecParameters* video = avformat_new_stream(made, nullptr)->codecpar;
    video->codec_type = AVMEDIA_TYPE_VIDEO;
    video->codec_id = AV_CODEC_ID_VP8;
    video->width = width;
    video->height = height;
    const auto audio = recorder.add_audio_stream(channels);
    if (!audio) return std::unexpected(audio.error());
    make_private_file(path);
    code = avio_open(&made->pb, path.c_str(), AVIO_FLAG_WRITE);
    if (code >= 0) code = avformat_write_header(made, nullptr);
    if (code < 0) return std::unexpected(ffmpeg_error("cannot record to " + path, code));
    recorder.packet_.reset(av_packet_alloc());
    recorder.open_ = true;
    return recorder;
}

Expected<void> Recorder::add_audio_stream(int channels) {
    const AVCodec* const codec = avcodec_find_encoder_by_name("libopus");
    if (codec == nullptr) return std::unexpected("this FFmpeg cannot encode Opus");
    opus_.reset(avcodec_alloc_context3(codec));
    opus_->sample_rate = audio_rate;
    opus_->sample_fmt = AV_SAMPLE_FMT_S16;
    opus_->bit_rate = opus_bitrate;
    av_channel_layout_default(&opus_->ch_layout, channels);
    opus_->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    const int code = avcodec_open2(opus_.get(), codec, nullptr);
    if (code < 0) return std::unexpected(ffmpeg_error("cannot encode Opus", code));
    avcodec_parameters_from_context(avformat_new_stream(format_.get(), nullptr)->codecpar, opus_.get());
    return {};
}

Expected<void> Recorder::video(Bytes vp8, bool key, Duration at) {
    key_seen_ = key_seen_ || key;
    if (!key_seen_) return {};
    auto* const copy = new std::uint8_t[vp8.size() + AV_INPUT_BUFFER_PADDING_SIZE]();
    std::memcpy(copy, vp8.data(), vp8.size());
    packet_->buf = av_buffer_create(copy, vp8.size() + AV_INPUT_BUFFER_PADDING_SIZE, free_packet_copy, nullptr, 0);
    packet_->data = copy;
    packet_->size = static_cast<int>(vp8.size());
    // Matroska wants time stamps that grow.
    last_video_ = std::max(last_video_ + 1, std::chrono::duration_cast<std::chrono::milliseconds>(at).count());
    packet_->pts = packet_->dts = last_video_;
    packet_->stream_index = video_stream;
    packet_->flags = key ? AV_PKT_FLAG_KEY : 0;
    av_packet_rescale_ts(packet_.get(), milliseconds, format_->streams[video_stream]->time_base);
    const int code = av_interleaved_write_frame(format_.get(), packet_.get());
    if (code < 0) return std::unexpected(ffmpeg_error("cannot record", code));
    return {};
}

Expected<void> Recorder::audio(std::span<const std::int16_t> samples, Duration at) {
    if (samples_ < 0) samples_ = std::max<std::int64_t>(0, at.count() * audio_rate / 1'000'000'000);
    pending_.insert(pending_.end(), samples.begin(), samples.end());
    const auto channels = static_cast<std::size_t>(opus_->ch_layout.nb_channels);
    const std::size_t block = static_cast<std::size_t>(opus_->frame_size) * channels;
    while (pending_.size() >= block) {
        FfmpegPtr<AVFrame> frame(av_frame_alloc());
        frame->nb_samples = opus_->frame_size;
        frame->format = AV_SAMPLE_FMT_S16;
        frame->sample_rate = audio_rate;
        av_channel_layout_copy(&frame->ch_layout, &opus_->ch_layout);
        const int code = av_frame_get_buffer(frame.get(), 0);
        if (code < 0) return std::unexpected(ffmpeg_error("cannot record", code));
        std::memcpy(frame->data[0], pending_.data(), block * sizeof(std::int16_t));
        pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(block));
        frame->pts = samples_;
        samples_ += frame->nb_samples;
        const auto encoded = encode_audio(frame.get());
        if (!encoded) return encoded;
    }
    return {};
}

Expected<void> Recorder::encode_audio(const AVFrame* frame) {
    int code = avcodec_send_frame(opus_.get(), frame);
    if (code < 0) return std::unexpected(ffmpeg_error("cannot encode Opus", code));
    while ((code = avcodec_receive_packet(opus_.get(), packet_.get())) == 0) {
        packet_->stream_index = audio_stream;
        av_packet_rescale_ts(packet_.get(), AVRational{1, audio_rate}, format_->streams[audio_stream]->time_base);
        const int written = av_interleaved_write_frame(format_.get(), packet_.get());
        if (written < 0) return std::unexpected(ffmpeg_error("cannot record", written));
    }
    return {};
}

Expected<void> Recorder::close() {
    if (!open_) return {};
    open_ = false;
    const auto flushed = encode_audio(nullptr);
    const int code = av_write_trailer(format_.get());
    if (code < 0) return std::unexpected(ffmpeg_error("cannot finish the recording", code));
    return flushed;
}

Recorder::~Recorder() { static_cast<void>(format_ && open_ ? close() : Expected<void>{}); }

}  // namespace sotto::app
