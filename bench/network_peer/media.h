// Moving pictures and speech out of plain files, which both ends of a call read: what was captured is known everywhere.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "sotto/media.h"

namespace sotto::bench {

// A YUV4MPEG2 file of 8-bit 4:2:0 pictures, mapped into memory; again from the start after the last.
class Pictures {
  public:
    explicit Pictures(const std::string& path);
    Pictures(const Pictures&) = delete;
    Pictures& operator=(const Pictures&) = delete;
    ~Pictures();

    int width() const { return width_; }
    int height() const { return height_; }
    std::uint64_t count() const { return count_; }
    VideoFrame frame(std::uint64_t index, Instant captured) const;
    std::span<const std::uint8_t> luma(std::uint64_t index) const;

  private:
    void read_header(const std::string& path);
    std::size_t luma_size() const;
    std::size_t picture_size() const;

    std::span<const char> file_;
    std::size_t first_ = 0;  // where the first picture's frame header begins
    std::uint64_t count_ = 0;
    int width_ = 0;
    int height_ = 0;
};

// A WAVE file of 48 kHz mono 16-bit PCM; again from the start after the last sample.
class Speech {
  public:
    explicit Speech(const std::string& path);

    // `count` samples from number `position` on.
    std::vector<std::int16_t> samples(std::uint64_t position, std::size_t count) const;

  private:
    std::vector<std::int16_t> samples_;
};

// The synthetic scene and voice as such files: 640x360 at 30 frames a second, and 48 kHz mono.
void write_test_pictures(const std::string& path, int seconds);
void write_test_speech(const std::string& path, int seconds);

}  // namespace sotto::bench
