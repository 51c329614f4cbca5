#include "codec/opus_encoder.h"

#include <opus/opus.h>

#include <algorithm>

namespace sotto::codec {
namespace {

constexpr std::size_t max_packet = 1275;  // RFC 6716 §3.4 [R2]: the most one frame can take

bool valid(const OpusSettings& s) {
    const bool length = s.frame_ms == 10 || s.frame_ms == 20 || s.frame_ms == 40 || s.frame_ms == 60;
    return (s.channels == 1 || s.channels == 2) && length && s.bitrate >= 6000 && s.bitrate <= 510000 &&
           s.complexity >= 0 && s.complexity <= 10 && s.expected_loss >= 0 && s.expected_loss <= 100;
}

bool configure(::OpusEncoder* encoder, const OpusSettings& s) {
    return opus_encoder_ctl(encoder, OPUS_SET_BITRATE(s.bitrate)) == OPUS_OK &&
           opus_encoder_ctl(encoder, OPUS_SET_VBR(s.variable_rate ? 1 : 0)) == OPUS_OK &&
           opus_encoder_ctl(encoder, OPUS_SET_COMPLEXITY(s.complexity)) == OPUS_OK &&
           opus_encoder_ctl(encoder, OPUS_SET_INBAND_FEC(s.in_band_fec ? 1 : 0)) == OPUS_OK &&
           opus_encoder_ctl(encoder, OPUS_SET_PACKET_LOSS_PERC(s.expected_loss)) == OPUS_OK &&
           opus_encoder_ctl(encoder, OPUS_SET_SIGNAL(OPUS_SIGNAL_VOICE)) == OPUS_OK;
}

}  // namespace

void OpusEncoder::Free::operator()(::OpusEncoder* encoder) const { opus_encoder_destroy(encoder); }

OpusEncoder::OpusEncoder(std::unique_ptr<::OpusEncoder, Free> encoder, const OpusSettings& settings)
    : encoder_(std::move(encoder)), settings_(settings) {}

Result<OpusEncoder> OpusEncoder::create(const OpusSettings& settings) {
    if (!valid(settings)) return Failure(Error::invalid_argument);
    int error = OPUS_OK;
    std::unique_ptr<::OpusEncoder, Free> encoder(
        opus_encoder_create(audio_rate, settings.channels, OPUS_APPLICATION_VOIP, &error));
    if (error != OPUS_OK || !encoder || !configure(encoder.get(), settings)) return Failure(Error::codec_failed);
    return OpusEncoder(std::move(encoder), settings);
}

Result<std::size_t> OpusEncoder::encode(const AudioBlock& block, MutableBytes out) {
    if (block.channels != settings_.channels || block.samples.size() % static_cast<std::size_t>(block.channels) != 0 ||
        block.frames() != frames_per_block()) {
        return Failure(Error::unsupported_media);
    }
    const std::size_t room = std::min(out.size(), max_packet);
    const int size = opus_encode(encoder_.get(), block.samples.data(), static_cast<int>(block.frames()),
                                 reinterpret_cast<unsigned char*>(out.data()), static_cast<opus_int32>(room));
    if (size == OPUS_BUFFER_TOO_SMALL) return Failure(Error::too_large);
    if (size < 0) return Failure(Error::codec_failed);
    return static_cast<std::size_t>(size);
}

Result<void> OpusEncoder::set_bitrate(int bits_per_second) {
    OpusSettings changed = settings_;
    changed.bitrate = bits_per_second;
    if (!valid(changed)) return Failure(Error::invalid_argument);
    if (opus_encoder_ctl(encoder_.get(), OPUS_SET_BITRATE(bits_per_second)) != OPUS_OK) {
        return Failure(Error::codec_failed);
    }
    settings_ = changed;
    return {};
}

Result<void> OpusEncoder::set_expected_loss(int per_cent) {
    OpusSettings changed = settings_;
    changed.expected_loss = per_cent;
    if (!valid(changed)) return Failure(Error::invalid_argument);
    if (opus_encoder_ctl(encoder_.get(), OPUS_SET_PACKET_LOSS_PERC(per_cent)) != OPUS_OK) {
        return Failure(Error::codec_failed);
    }
    settings_ = changed;
    return {};
}

// libopus takes the length of a frame from each block, RFC 6716 §2.1.4.
Result<void> OpusEncoder::set_frame_ms(int frame_ms) {
    OpusSettings changed = settings_;
    changed.frame_ms = frame_ms;
    if (!valid(changed)) return Failure(Error::invalid_argument);
    settings_ = changed;
    return {};
}

}  // namespace sotto::codec
