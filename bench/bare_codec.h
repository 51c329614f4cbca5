// libvpx and Opus as codec/ sets them up, called directly: what is no codec costs nothing here.
#pragma once

#include <memory>

#include "sotto/bytes.h"
#include "sotto/media.h"

struct vpx_codec_ctx;
struct vpx_image;
struct OpusEncoder;
struct OpusDecoder;

namespace sotto::bench {

struct CloseVpx {
    void operator()(vpx_codec_ctx* context) const;
};
using VpxContext = std::unique_ptr<vpx_codec_ctx, CloseVpx>;

struct BareVp8Settings {
    int width = 640, height = 360, frame_rate = 30;
    int bitrate = 800'000;
    int finest = 2, cpu_used = -6;
};

class BareVp8Encoder {
  public:
    explicit BareVp8Encoder(const BareVp8Settings& settings);
    BareVp8Encoder(BareVp8Encoder&&) noexcept;
    ~BareVp8Encoder();
    // Empty where rate control left the frame out. Views the encoder's memory until the next call.
    Bytes encode(const VideoFrame& frame, std::uint64_t timestamp);

  private:
    BareVp8Settings settings_;
    VpxContext context_;
    std::unique_ptr<vpx_image> image_;
};

class BareVp8Decoder {
  public:
    BareVp8Decoder();
    // Views the decoder's memory until the next call; null where a frame shows nothing.
    const vpx_image* decode(Bytes frame);

  private:
    VpxContext context_;
};

struct CloseOpus {
    void operator()(::OpusEncoder* encoder) const;
    void operator()(::OpusDecoder* decoder) const;
};
using BareOpusEncoder = std::unique_ptr<::OpusEncoder, CloseOpus>;
using BareOpusDecoder = std::unique_ptr<::OpusDecoder, CloseOpus>;

// With in-band FEC; `expected_loss`: in per cent.
BareOpusEncoder bare_opus_encoder(int bitrate, int expected_loss);
BareOpusDecoder bare_opus_decoder();

}  // namespace sotto::bench
