#include "codec/vp8_encoder.h"

#include <vpx/vp8cx.h>
#include <vpx/vpx_encoder.h>

#include <algorithm>

namespace sotto::codec {
namespace {

struct Context {
    vpx_codec_ctx_t codec{};
    bool open = false;
    ~Context() {
        if (open) vpx_codec_destroy(&codec);
    }
};

bool valid_bitrate(int bitrate) { return bitrate >= 10000 && bitrate <= 50000000; }

bool valid(const Vp8Settings& s) {
    const auto dimension = [](int size) { return size >= 16 && size <= 16383 && size % 2 == 0; };
    return dimension(s.width) && dimension(s.height) && s.frame_rate >= 1 && s.frame_rate <= 120 &&
           valid_bitrate(s.bitrate) && s.cpu_used >= -16 && s.cpu_used <= 16 && s.threads >= 1 && s.threads <= 16 &&
           s.max_key_frame_percent >= 0;
}

// One pass, constant bit rate, no look-ahead: a frame in is a frame out.
vpx_codec_enc_cfg_t configuration(const Vp8Settings& s) {
    vpx_codec_enc_cfg_t config{};
    vpx_codec_enc_config_default(vpx_codec_vp8_cx(), &config, 0);
    config.g_w = static_cast<unsigned>(s.width);
    config.g_h = static_cast<unsigned>(s.height);
    config.g_timebase = {1, 90000};
    config.g_threads = static_cast<unsigned>(s.threads);
    config.g_pass = VPX_RC_ONE_PASS;
    config.g_lag_in_frames = 0;
    config.g_error_resilient = VPX_ERROR_RESILIENT_DEFAULT;
    config.rc_end_usage = VPX_CBR;
    config.rc_target_bitrate = static_cast<unsigned>(s.bitrate / 1000);
    config.rc_min_quantizer = 2;
    config.rc_max_quantizer = 56;
    config.rc_undershoot_pct = 100;
    config.rc_overshoot_pct = 15;
    config.rc_buf_initial_sz = 500;  // ms of the bit rate
    config.rc_buf_optimal_sz = 600;
    config.rc_buf_sz = 1000;
    config.rc_dropframe_thresh = 30;  // per cent of the buffer under which frames are left out
    config.rc_resize_allowed = 0;
    config.kf_mode = VPX_KF_DISABLED;  // key frames come on demand
    return config;
}

int log2_of(int threads) { return threads >= 8 ? 3 : threads >= 4 ? 2 : threads >= 2 ? 1 : 0; }

bool control(vpx_codec_ctx_t* codec, const Vp8Settings& s) {
    return vpx_codec_control(codec, VP8E_SET_CPUUSED, s.cpu_used) == VPX_CODEC_OK &&
           vpx_codec_control(codec, VP8E_SET_NOISE_SENSITIVITY, 0U) == VPX_CODEC_OK &&
           vpx_codec_control(codec, VP8E_SET_STATIC_THRESHOLD, 1U) == VPX_CODEC_OK &&
           vpx_codec_control(codec, VP8E_SET_TOKEN_PARTITIONS, log2_of(s.threads)) == VPX_CODEC_OK &&
           vpx_codec_control(codec, VP8E_SET_MAX_INTRA_BITRATE_PCT, static_cast<unsigned>(s.max_key_frame_percent)) ==
               VPX_CODEC_OK;
}

// libvpx reads the planes but declares them writable.
unsigned char* readable(const Plane& plane) { return const_cast<unsigned char*>(plane.data); }

}  // namespace

struct Vp8Encoder::State {
    Context context;
    vpx_codec_enc_cfg_t config{};
    Vp8Settings settings;
    vpx_image_t image{};
};

Vp8Encoder::Vp8Encoder(std::unique_ptr<State> state) : state_(std::move(state)) {}
Vp8Encoder::Vp8Encoder(Vp8Encoder&&) noexcept = default;
Vp8Encoder& Vp8Encoder::operator=(Vp8Encoder&&) noexcept = default;
Vp8Encoder::~Vp8Encoder() = default;

const Vp8Settings& Vp8Encoder::settings() const { return state_->settings; }

Result<Vp8Encoder> Vp8Encoder::create(const Vp8Settings& settings) {
    if (!valid(settings)) return Failure(Error::invalid_argument);
    auto state = std::make_unique<State>();
    state->settings = settings;
    state->config = configuration(settings);
    vpx_codec_ctx_t* codec = &state->context.codec;
    if (vpx_codec_enc_init(codec, vpx_codec_vp8_cx(), &state->config, 0) != VPX_CODEC_OK) {
        return Failure(Error::codec_failed);
    }
    state->context.open = true;
    if (!control(codec, settings)) return Failure(Error::codec_failed);
    return Vp8Encoder(std::move(state));
}

Result<EncodedFrame> Vp8Encoder::encode(const VideoFrame& frame, std::uint64_t timestamp, bool force_key) {
    if (frame.width != state_->settings.width || frame.height != state_->settings.height) {
        return Failure(Error::unsupported_media);
    }
    if (std::ranges::any_of(frame.planes, [](const Plane& plane) { return plane.data == nullptr; })) {
        return Failure(Error::unsupported_media);
    }
    // Wrapped around samples that exist: given none, libvpx allocates some.
    vpx_img_wrap(&state_->image, VPX_IMG_FMT_I420, static_cast<unsigned>(frame.width),
                 static_cast<unsigned>(frame.height), 1, readable(frame.planes[0]));
    for (std::size_t i = 0; i < 3; ++i) {
        state_->image.planes[i] = readable(frame.planes[i]);
        state_->image.stride[i] = static_cast<int>(frame.planes[i].stride);
    }
    vpx_codec_ctx_t* codec = &state_->context.codec;
    const auto duration = 90000UL / static_cast<unsigned>(state_->settings.frame_rate);
    const vpx_enc_frame_flags_t flags = force_key ? VPX_EFLAG_FORCE_KF : 0;
    if (vpx_codec_encode(codec, &state_->image, static_cast<vpx_codec_pts_t>(timestamp), duration, flags,
                         VPX_DL_REALTIME) != VPX_CODEC_OK) {
        return Failure(Error::codec_failed);
    }
    vpx_codec_iter_t iterator = nullptr;
    while (const vpx_codec_cx_pkt_t* packet = vpx_codec_get_cx_data(codec, &iterator)) {
        if (packet->kind != VPX_CODEC_CX_FRAME_PKT) continue;
        const auto& encoded = packet->data.frame;
        return EncodedFrame{.bytes = {static_cast<const std::byte*>(encoded.buf), encoded.sz},
                            .key = (encoded.flags & VPX_FRAME_IS_KEY) != 0};
    }
    return EncodedFrame{};
}

Result<void> Vp8Encoder::set_bitrate(int bits_per_second) {
    if (!valid_bitrate(bits_per_second)) return Failure(Error::invalid_argument);
    vpx_codec_enc_cfg_t changed = state_->config;
    changed.rc_target_bitrate = static_cast<unsigned>(bits_per_second / 1000);
    if (vpx_codec_enc_config_set(&state_->context.codec, &changed) != VPX_CODEC_OK) {
        return Failure(Error::codec_failed);
    }
    state_->config = changed;
    state_->settings.bitrate = bits_per_second;
    return {};
}

}  // namespace sotto::codec
