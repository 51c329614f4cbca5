// What is measured with an encoder before each frame and a decoder after it, which are not timed: as cold as in a call.
#pragma once

#include "bench/frame_path.h"
#include "codec/vp8_decoder.h"
#include "codec/vp8_encoder.h"

namespace sotto::bench {

// `Path` is FramePath or BareSrtp.
template <class Path>
class CodedPath {
  public:
    CodedPath(const Scene& scene, Path&& path) : scene_(scene), path_(std::move(path)) {}

    Whole run() {
        return path_.run_between(
            [&] {
                must(encoder_.encode(scene_.frame(next_), Scene::timestamp(next_), {.key = next_ == 0}),
                     "cannot encode");
                ++next_;
            },
            [&](const Buffer& frame) { must(decoder_.decode(frame), "cannot decode"); });
    }

  private:
    const Scene& scene_;
    Path path_;
    codec::Vp8Encoder encoder_ = must(codec::Vp8Encoder::create({}), "cannot make a VP8 encoder");
    codec::Vp8Decoder decoder_ = must(codec::Vp8Decoder::create(), "cannot make a VP8 decoder");
    std::size_t next_ = 0;
};

}  // namespace sotto::bench
