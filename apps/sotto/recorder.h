// Writes what was seen and heard to a WebM file: the VP8 frames as they came, the sound encoded again as Opus.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "apps/sotto/ffmpeg.h"
#include "sotto/bytes.h"
#include "sotto/time.h"

namespace sotto::app {

class Recorder {
  public:
    static Expected<Recorder> open(const std::string& path, int width, int height, int channels);

    // `at`: since the recording's start. Frames before the first key frame are left out.
    Expected<void> video(Bytes vp8, bool key, Duration at);
    // Interleaved 48 kHz; blocks follow one another without gaps from the first one's `at` on.
    Expected<void> audio(std::span<const std::int16_t> samples, Duration at);
    // Writes the file's index; without it the file still plays.
    Expected<void> close();

    Recorder(Recorder&&) = default;
    ~Recorder();

  private:
    struct CloseOutput {
        void operator()(AVFormatContext* context) const;
    };
    Recorder() = default;
    Expected<void> add_audio_stream(int channels);
    Expected<void> encode_audio(const AVFrame* frame);

    std::unique_ptr<AVFormatContext, CloseOutput> format_;
    FfmpegPtr<AVCodecContext> opus_;
    FfmpegPtr<AVPacket> packet_;
    std::vector<std::int16_t> pending_;
    std::int64_t samples_ = -1;     // time stamp of the next Opus frame at 48 kHz
    std::int64_t last_video_ = -1;  // ms
    bool key_seen_ = false;
    bool open_ = false;
};

}  // namespace sotto::app
