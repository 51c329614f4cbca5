// Opus (RFC 6716), encoding. Constant bit rate, because the sizes of variable-rate packets tell what is said (RFC 6562
// §3).
#pragma once

#include <memory>

#include "sotto/error.h"
#include "sotto/media.h"

// NOLINTNEXTLINE(bugprone-forward-declaration-namespace): libopus's type of that name, not ours
struct OpusEncoder;

namespace sotto::codec {

struct OpusSettings {
    int channels = 1;            // 1 or 2
    int frame_ms = 20;           // 10, 20, 40 or 60
    int bitrate = 32000;         // bit/s, 6000 to 510000
    int complexity = 5;          // 0 to 10
    bool in_band_fec = true;     // RFC 6716 §2.1.7
    int expected_loss = 10;      // per cent, steers in-band FEC
    bool variable_rate = false;  // leaks speech content through packet sizes; for music only
};

class OpusEncoder {
  public:
    // Errors: invalid_argument (a setting outside its range), codec_failed.
    static Result<OpusEncoder> create(const OpusSettings& settings);

    // Encodes exactly one block of frame_ms into `out` and gives the bytes written (at most 1275).
    // Errors: unsupported_media (wrong block length or channels), too_large (`out` too small), codec_failed.
    Result<std::size_t> encode(const AudioBlock& block, MutableBytes out);

    // On the fly. Errors: invalid_argument.
    Result<void> set_bitrate(int bits_per_second);
    Result<void> set_expected_loss(int per_cent);
    Result<void> set_frame_ms(int frame_ms);

    const OpusSettings& settings() const { return settings_; }
    std::size_t frames_per_block() const { return static_cast<std::size_t>(settings_.frame_ms) * 48; }

  private:
    struct Free {
        void operator()(::OpusEncoder* encoder) const;
    };
    OpusEncoder(std::unique_ptr<::OpusEncoder, Free> encoder, const OpusSettings& settings);
    std::unique_ptr<::OpusEncoder, Free> encoder_;
    OpusSettings settings_;
};

}  // namespace sotto::codec
