// VP8 (RFC 6386) decoding by libvpx.
#pragma once

#include <memory>
#include <optional>

#include "sotto/error.h"
#include "sotto/media.h"

namespace sotto::codec {

class Vp8Decoder {
  public:
    // Errors: invalid_argument (threads not in 1 to 16), codec_failed.
    static Result<Vp8Decoder> create(int threads = 1);

    // The picture views the decoder's memory until the next call; `captured` is left for the caller to set. Nothing for
    // a frame that is not to be shown (RFC 6386 §9.1: show_frame).
    // Errors: truncated (empty), codec_failed (not VP8, or a frame whose reference is missing),
    // unsupported_media (larger than max_dimension).
    Result<std::optional<VideoFrame>> decode(Bytes frame);

    // Of the last frame: y_ac_qi, 0 (finest) to 127 (RFC 6386 §9.6).
    int quantizer() const;

    static constexpr int max_dimension = 4096;

    Vp8Decoder(Vp8Decoder&&) noexcept;
    Vp8Decoder& operator=(Vp8Decoder&&) noexcept;
    ~Vp8Decoder();

  private:
    struct State;
    explicit Vp8Decoder(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

// From the frame tag (RFC 6386 §9.1); false for anything too short to tell.
bool is_key_frame(Bytes frame);

}  // namespace sotto::codec
