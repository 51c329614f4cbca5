// An I420 picture that owns its memory, and views of it.
#pragma once

#include <vector>

#include "sotto/error.h"
#include "sotto/media.h"

namespace sotto::codec {

class I420Buffer {
  public:
    // Error::unsupported_media unless 1 <= width, height <= 16383.
    static Result<I420Buffer> create(int width, int height);

    int width() const { return width_; }
    int height() const { return height_; }
    // 0 = Y, 1 = U, 2 = V; rows lie `stride(plane)` bytes apart.
    std::span<std::uint8_t> plane(int plane);
    std::size_t stride(int plane) const;
    VideoFrame view(Instant captured) const;

  private:
    int width_ = 0;
    int height_ = 0;
    std::vector<std::uint8_t> samples_;
};

// Copies a frame row by row. Error::unsupported_media if the sizes differ.
Result<void> copy(const VideoFrame& from, I420Buffer& to);

// Copies a frame, every square of `side` samples flattened to its mean: the same picture with less to encode.
// Error::unsupported_media if the sizes differ.
Result<void> copy_coarse(const VideoFrame& from, int side, I420Buffer& to);

// Peak signal-to-noise ratio of the luma planes in dB (99 for identical ones); Error::unsupported_media if sizes
// differ.
Result<double> luma_psnr(const VideoFrame& a, const VideoFrame& b);

}  // namespace sotto::codec
