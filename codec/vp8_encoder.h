// VP8 (RFC 6386) real-time encoding by libvpx: constant bit rate, error resilient, one pass, no frame lag.
#pragma once

#include <cstddef>
#include <memory>

#include "codec/vp8_layers.h"
#include "sotto/error.h"
#include "sotto/media.h"

namespace sotto::codec {

struct Vp8Settings {
    int width = 640;       // 16 to 16383, even
    int height = 360;      // 16 to 16383, even
    int frame_rate = 30;   // frames/s, 1 to 120, what the rate control expects
    int bitrate = 800000;  // bit/s, 10,000 to 50,000,000
    int finest = 2;        // libvpx's quantizer that no frame goes below, 2 to 60
    int cpu_used = -6;     // libvpx's real-time speed, -16 (fastest) to 16, see vp8cx.h
    int threads = 1;       // 1 to 16
    // A key frame's size as a percentage of the per-frame budget. Under about 600 the next frame makes up for what it
    // lacks, and both together are larger.
    int max_key_frame_percent = 700;
    std::size_t max_frame = 1 << 30;  // bytes that no frame exceeds, 4096 to 2^30
};

class Vp8Encoder {
  public:
    // Errors: invalid_argument, codec_failed.
    static Result<Vp8Encoder> create(const Vp8Settings& settings);

    // A frame of the size that the encoder was created for, made as small as set_size() says: itself where that is the
    // same, else a view of the encoder's memory until the next call. Errors: unsupported_media (another size).
    Result<VideoFrame> scaled(const VideoFrame& frame);

    // Encodes one frame, or what scaled() made of one, without copying its planes. The result views the encoder's
    // memory until the next call. An empty `bytes` means that rate control dropped the frame. `timestamp` is 90 kHz and
    // must grow. A picture that does not fit max_frame is encoded again as a key frame of a coarser picture, until it
    // fits. One that is refused leaves no trace: a key frame follows. Errors: unsupported_media (neither the size it
    // was created for nor the one it has), codec_failed, too_large (even as flat squares).
    Result<EncodedFrame> encode(const VideoFrame& frame, std::uint64_t timestamp, const Vp8FrameOptions& options = {});

    // On the fly. Errors: invalid_argument, codec_failed.
    Result<void> set_bitrate(int bits_per_second);
    // Pictures are made that small before they are encoded; even, 16 to the size it was created for. A key frame
    // follows where it changes.
    Result<void> set_size(int width, int height);
    Result<void> set_cpu_used(int speed);
    Result<void> set_finest(int quantizer);

    const Vp8Settings& settings() const;  // as they are now
    // Of the last frame: y_ac_qi, 0 (finest) to 127 (RFC 6386 §9.6).
    int quantizer() const;

    Vp8Encoder(Vp8Encoder&&) noexcept;
    Vp8Encoder& operator=(Vp8Encoder&&) noexcept;
    ~Vp8Encoder();

  private:
    struct State;
    explicit Vp8Encoder(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace sotto::codec
