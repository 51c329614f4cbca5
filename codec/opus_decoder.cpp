#include "codec/opus_decoder.h"

#include <opus/opus.h>

namespace sotto::codec {
namespace {

constexpr int deep_plc_complexity = 5;  // Opus 1.5: concealment by a neural model from this complexity on

const unsigned char* data(Bytes packet) { return reinterpret_cast<const unsigned char*>(packet.data()); }

Result<std::size_t> frames_or_error(int result) {
    if (result == OPUS_BUFFER_TOO_SMALL) return Failure(Error::too_large);
    if (result < 0) return Failure(Error::codec_failed);
    return static_cast<std::size_t>(result);
}

}  // namespace

void OpusDecoder::Free::operator()(::OpusDecoder* decoder) const { opus_decoder_destroy(decoder); }

OpusDecoder::OpusDecoder(std::unique_ptr<::OpusDecoder, Free> decoder, int channels)
    : decoder_(std::move(decoder)), channels_(channels) {}

Result<OpusDecoder> OpusDecoder::create(int channels) {
    if (channels != 1 && channels != 2) return Failure(Error::invalid_argument);
    int error = OPUS_OK;
    std::unique_ptr<::OpusDecoder, Free> decoder(opus_decoder_create(audio_rate, channels, &error));
    if (error != OPUS_OK || !decoder) return Failure(Error::codec_failed);
    // Libraries before 1.5 refuse this for decoders and conceal as they did before.
    opus_decoder_ctl(decoder.get(), OPUS_SET_COMPLEXITY(deep_plc_complexity));
    return OpusDecoder(std::move(decoder), channels);
}

Result<std::size_t> OpusDecoder::decode(Bytes packet, std::span<std::int16_t> out) {
    if (packet.empty()) return Failure(Error::truncated);
    const auto room = static_cast<int>(out.size()) / channels_;
    return frames_or_error(
        opus_decode(decoder_.get(), data(packet), static_cast<opus_int32>(packet.size()), out.data(), room, 0));
}

Result<std::size_t> OpusDecoder::recover(Bytes packet, std::span<std::int16_t> out) {
    if (packet.empty()) return Failure(Error::truncated);
    const auto room = static_cast<int>(out.size()) / channels_;
    return frames_or_error(
        opus_decode(decoder_.get(), data(packet), static_cast<opus_int32>(packet.size()), out.data(), room, 1));
}

Result<std::size_t> OpusDecoder::conceal(std::span<std::int16_t> out) {
    const auto room = static_cast<int>(out.size()) / channels_;
    return frames_or_error(opus_decode(decoder_.get(), nullptr, 0, out.data(), room, 0));
}

}  // namespace sotto::codec
