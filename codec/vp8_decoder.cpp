#include "codec/vp8_decoder.h"

#include <vpx/vp8dx.h>
#include <vpx/vpx_decoder.h>

namespace sotto::codec {
namespace {

std::uint8_t at(Bytes bytes, std::size_t i) { return std::to_integer<std::uint8_t>(bytes[i]); }

// RFC 6386 §9.1: a key frame has 10 bytes before its first partition: tag, start code, two 14-bit dimensions.
Result<void> check_key_header(Bytes frame) {
    if (frame.size() < 10) return Failure(Error::truncated);
    if (at(frame, 3) != 0x9d || at(frame, 4) != 0x01 || at(frame, 5) != 0x2a) return Failure(Error::codec_failed);
    const int width = (at(frame, 6) | at(frame, 7) << 8) & 0x3fff;
    const int height = (at(frame, 8) | at(frame, 9) << 8) & 0x3fff;
    if (width == 0 || height == 0) return Failure(Error::codec_failed);
    if (width > Vp8Decoder::max_dimension || height > Vp8Decoder::max_dimension) {
        return Failure(Error::unsupported_media);
    }
    return {};
}

VideoFrame view(const vpx_image_t& image) {
    VideoFrame frame{.width = static_cast<int>(image.d_w), .height = static_cast<int>(image.d_h)};
    for (std::size_t i = 0; i < 3; ++i) {
        frame.planes[i] = {.data = image.planes[i], .stride = static_cast<std::size_t>(image.stride[i])};
    }
    return frame;
}

}  // namespace

bool is_key_frame(Bytes frame) { return !frame.empty() && (at(frame, 0) & 1) == 0; }

struct Vp8Decoder::State {
    vpx_codec_ctx_t codec{};
    bool open = false;
    bool has_reference = false;
    ~State() {
        if (open) vpx_codec_destroy(&codec);
    }
};

Vp8Decoder::Vp8Decoder(std::unique_ptr<State> state) : state_(std::move(state)) {}
Vp8Decoder::Vp8Decoder(Vp8Decoder&&) noexcept = default;
Vp8Decoder& Vp8Decoder::operator=(Vp8Decoder&&) noexcept = default;
Vp8Decoder::~Vp8Decoder() = default;

Result<Vp8Decoder> Vp8Decoder::create(int threads) {
    if (threads < 1 || threads > 16) return Failure(Error::invalid_argument);
    auto state = std::make_unique<State>();
    const vpx_codec_dec_cfg_t config{.threads = static_cast<unsigned>(threads), .w = 0, .h = 0};
    if (vpx_codec_dec_init(&state->codec, vpx_codec_vp8_dx(), &config, 0) != VPX_CODEC_OK) {
        return Failure(Error::codec_failed);
    }
    state->open = true;
    return Vp8Decoder(std::move(state));
}

Result<std::optional<VideoFrame>> Vp8Decoder::decode(Bytes frame) {
    if (frame.empty()) return Failure(Error::truncated);
    if (is_key_frame(frame)) {
        const auto checked = check_key_header(frame);
        if (!checked) return Failure(checked.error());
    } else if (!state_->has_reference) {
        return Failure(Error::codec_failed);
    }
    if (vpx_codec_decode(&state_->codec, reinterpret_cast<const std::uint8_t*>(frame.data()),
                         static_cast<unsigned>(frame.size()), nullptr, 0) != VPX_CODEC_OK) {
        return Failure(Error::codec_failed);
    }
    state_->has_reference = true;
    vpx_codec_iter_t iterator = nullptr;
    const vpx_image_t* image = vpx_codec_get_frame(&state_->codec, &iterator);
    if (image == nullptr) return std::nullopt;
    return view(*image);
}

int Vp8Decoder::quantizer() const {
    int quantizer = 0;
    return vpx_codec_control(&state_->codec, VPXD_GET_LAST_QUANTIZER, &quantizer) == VPX_CODEC_OK ? quantizer : 0;
}

}  // namespace sotto::codec
