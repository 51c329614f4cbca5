// PictureLoop and sound to measure with, out of files that need no FFmpeg: Y4M and WAV. Or the test scene and voice.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <vector>

#include "codec/i420.h"
#include "sotto/media.h"

namespace sotto::bench {

// Different pictures, of which there are as many as 64 MiB hold, and 60 at most. They play forwards and backwards in
// turn: motion without end and without a cut.
class PictureLoop {
  public:
    // `source`: "test", or a Y4M file (YUV4MPEG2, 8 bits, 4:2:0), scaled to the size. The error is a sentence.
    static std::expected<PictureLoop, std::string> load(const std::string& source, int width, int height,
                                                        int frame_rate);

    VideoFrame frame(std::size_t index, Instant captured) const;
    std::size_t size() const { return pictures_.size(); }

  private:
    std::vector<codec::I420Buffer> pictures_;
};

// Mono, 48 kHz, again and again.
class SoundLoop {
  public:
    // `source`: "test", or a WAV file (16-bit PCM, 48 kHz; of several channels the first).
    static std::expected<SoundLoop, std::string> load(const std::string& source);

    // Block `index` of `frames` samples.
    AudioBlock block(std::size_t index, std::size_t frames, Instant captured) const;

  private:
    std::vector<std::int16_t> samples_;
};

}  // namespace sotto::bench
