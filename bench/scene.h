// What every subject encodes and sends: some seconds of moving pictures and a voice, made before anything is
// measured.
#pragma once

#include <vector>

#include "codec/i420.h"
#include "sotto/media.h"

namespace sotto::bench {

class Scene {
  public:
    static constexpr int width = 640;
    static constexpr int height = 360;
    static constexpr int frame_rate = 30;
    static constexpr std::size_t block_samples = 960;  // 20 ms

    // `pictures` different ones, which play forwards and backwards in turn: motion without end and without a
    // cut.
    explicit Scene(std::size_t pictures);

    VideoFrame frame(std::size_t index) const;
    AudioBlock block(std::size_t index) const;  // mono

    // 90 kHz time stamp and capture time of frame `index`.
    static std::uint64_t timestamp(std::size_t index) { return index * (90000 / frame_rate); }
    static Instant captured(std::size_t index);

    // The first `count` frames as Sotto's encoder makes them with its default settings; the first is a key
    // frame. None is empty: a frame that rate control leaves out is left out here too.
    std::vector<Buffer> encoded(std::size_t count) const;

  private:
    std::vector<codec::I420Buffer> pictures_;
    std::vector<std::int16_t> voice_;
};

}  // namespace sotto::bench
