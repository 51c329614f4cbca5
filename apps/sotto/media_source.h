// Pictures and sound from a file, a camera, a microphone or the synthetic scene, through FFmpeg's libraries.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "apps/sotto/ffmpeg.h"
#include "codec/i420.h"

namespace sotto::app {

// "test": synthetic. "v4l2:DEVICE": camera. "alsa:DEVICE", "pulse:DEVICE": microphone. Else files, joined by commas.
bool is_device(const std::string& spec);

// The decoded frames of one stream of one file or device, in order.
class Decoder {
  public:
    static Expected<Decoder> open(const std::string& spec, AVMediaType type);
    // The next frame, or null at the end.
    Expected<const AVFrame*> next();
    Expected<void> rewind();
    AVRational time_base() const { return format_->streams[stream_]->time_base; }
    double frame_rate() const;

  private:
    FfmpegPtr<AVFormatContext> format_;
    FfmpegPtr<AVCodecContext> codec_;
    FfmpegPtr<AVPacket> packet_;
    FfmpegPtr<AVFrame> frame_;
    int stream_ = 0;
    bool draining_ = false;
};

class VideoSource {
  public:
    // Frames are scaled to width x height; what does not fit the aspect is cut off on both sides. Without `loop` the
    // source ends with its file.
    static Expected<VideoSource> open(const std::string& spec, int width, int height, double max_frame_rate, bool loop);

    double frame_rate() const { return frame_rate_; }
    // The next picture, valid until the next call; null at the end. The same spec gives the same pictures again.
    Expected<const codec::I420Buffer*> next();

  private:
    VideoSource(codec::I420Buffer&& picture) : picture_(std::move(picture)) {}
    Expected<bool> decode_next();
    Expected<void> scale(const AVFrame& frame);

    codec::I420Buffer picture_;
    std::unique_ptr<Decoder> decoder_;  // null: synthetic
    FfmpegPtr<SwsContext> scaler_;
    double frame_rate_ = 30;
    double source_rate_ = 30;
    bool loop_ = true;
    std::uint64_t index_ = 0;    // of the next picture
    std::uint64_t decoded_ = 0;  // pictures taken from the decoder
};

class AudioSource {
  public:
    static Expected<AudioSource> open(const std::string& spec, int channels, bool loop);

    // Fills `out` with interleaved 48 kHz samples; gives how many it wrote, fewer only at the end.
    Expected<std::size_t> read(std::span<std::int16_t> out);

  private:
    struct Format {
        AVSampleFormat samples = AV_SAMPLE_FMT_NONE;
        int rate = 0;
        int channels = 0;
        friend bool operator==(const Format&, const Format&) = default;
    };
    AudioSource() = default;
    Expected<bool> fill();
    Expected<void> open_file(std::size_t file);
    Expected<void> start_resampler(const Format& given);
    Expected<void> convert(const AVFrame* frame);

    std::vector<std::string> files_;  // empty: synthetic
    std::size_t file_ = 0;
    std::unique_ptr<Decoder> decoder_;
    FfmpegPtr<SwrContext> resampler_;
    Format resampled_;  // what resampler_ takes
    std::vector<std::int16_t> pending_;
    int channels_ = 1;
    bool loop_ = true;
    std::uint64_t position_ = 0;
};

}  // namespace sotto::app
