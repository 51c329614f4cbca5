// Which reference frames each VP8 frame uses and stores, so that some may be lost (RFC 6386 §9.7, RFC 7741 §4.2).
#pragma once

#include <optional>

#include "sotto/media.h"

namespace sotto::codec {

struct Vp8FrameOptions {
    bool key = false;
    int layers = 1;            // temporal ones, 1 to 3; may change from one frame to the next
    bool mark_golden = false;  // keep this frame as the golden one
    bool from_golden = false;  // refer to the golden frame alone; a key frame if none was marked since the last
};

// 2 layers: 0 1; 3 layers: 0 2 1 2. A frame refers to the last of layer 0, the second of layer 2 to layer 1, too. The
// golden frame is kept apart, and while there is one no inter frame changes the probabilities that the next would
// start from: so a frame that refers to it alone can be decoded by whoever has decoded it, whatever was lost since.
class Vp8Layers {
  public:
    struct Plan {
        long flags = 0;              // of vpx_codec_encode()
        EncodedFrame description{};  // all but its bytes
        int layers = 1;
        int position = 0;  // in the pattern
        bool plain = false;
    };
    Plan plan(const Vp8FrameOptions& options) const;
    // The frame was encoded by that plan; `key` tells whether it became a key frame, planned or not.
    EncodedFrame encoded(Plan plan, bool key);

  private:
    int layers_ = 1;
    int position_ = 0;                // of the next frame
    bool plain_ = true;               // since the last key frame libvpx chose the references by itself
    std::uint8_t tl0_pic_idx_ = 255;  // of the last frame of layer 0
    std::uint8_t key_index_ = 31;     // of the last golden frame
    bool golden_ = false;             // there is one
};

}  // namespace sotto::codec
