// Opus (RFC 6716), decoding, with recovery of a lost block from the next packet's FEC and concealment where that fails.
#pragma once

#include <memory>
#include <span>

#include "sotto/error.h"
#include "sotto/media.h"

// NOLINTNEXTLINE(bugprone-forward-declaration-namespace): libopus's type of that name, not ours
struct OpusDecoder;

namespace sotto::codec {

class OpusDecoder {
  public:
    // `channels` of the output, 1 or 2. Errors: invalid_argument, codec_failed.
    static Result<OpusDecoder> create(int channels);

    // Each writes interleaved PCM to `out` and gives the frames (samples per channel) written.
    // Errors: truncated (empty packet), codec_failed (not an Opus packet), too_large (`out` too small for the packet).
    Result<std::size_t> decode(Bytes packet, std::span<std::int16_t> out);
    // The block before `packet`, from its in-band FEC (or concealment where it carries none). Fills `out` wholly.
    Result<std::size_t> recover(Bytes packet, std::span<std::int16_t> out);
    // A lost block, by packet loss concealment. Fills `out` wholly; its length is a multiple of 2.5 ms.
    Result<std::size_t> conceal(std::span<std::int16_t> out);

    int channels() const { return channels_; }

  private:
    struct Free {
        void operator()(::OpusDecoder* decoder) const;
    };
    OpusDecoder(std::unique_ptr<::OpusDecoder, Free> decoder, int channels);
    std::unique_ptr<::OpusDecoder, Free> decoder_;
    int channels_;
};

}  // namespace sotto::codec
