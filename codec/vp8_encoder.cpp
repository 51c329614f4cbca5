#include "codec/vp8_encoder.h"

#include <vpx/vp8cx.h>
#include <vpx/vpx_encoder.h>

#include <algorithm>
#include <optional>

#include "codec/i420.h"

namespace sotto::codec {
namespace {

constexpr int coarsest = 64;          // samples, the side of a square
constexpr int quality_to_spare = 30;  // of libvpx's quantizers from 0 (best) to 63: below, a finer picture is tried

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
           s.max_key_frame_percent >= 0 && (s.max_frame == 0 || s.max_frame >= 4096);
}

// Frames of half the bound on average leave the rate control room to vary them.
unsigned target_kilobits(const Vp8Settings& s) {
    const std::size_t half = s.max_frame * 8 / 2 * static_cast<std::size_t>(s.frame_rate);
    const auto wanted = static_cast<std::size_t>(s.bitrate);
    return static_cast<unsigned>((s.max_frame == 0 ? wanted : std::min(wanted, half)) / 1000);
}

unsigned key_frame_percent(const Vp8Settings& s) {
    if (s.max_frame == 0) return static_cast<unsigned>(s.max_key_frame_percent);
    const auto budget = static_cast<std::size_t>(std::max(s.bitrate / 8 / s.frame_rate, 1));
    return static_cast<unsigned>(std::min(static_cast<std::size_t>(s.max_key_frame_percent),
                                          std::max<std::size_t>(s.max_frame * 100 / budget, 1)));
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
    config.rc_target_bitrate = target_kilobits(s);
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
           vpx_codec_control(codec, VP8E_SET_MAX_INTRA_BITRATE_PCT, key_frame_percent(s)) == VPX_CODEC_OK;
}

// libvpx reads the planes but declares them writable.
unsigned char* readable(const Plane& plane) { return const_cast<unsigned char*>(plane.data); }

}  // namespace

struct Vp8Encoder::State {
    Context context;
    vpx_codec_enc_cfg_t config{};
    Vp8Settings settings;
    vpx_image_t image{};
    std::optional<I420Buffer> coarse;  // while side > 1
    int side = 1;                      // of the squares that the picture is flattened by, so that its frames fit
    int frames_since_change = 0;

    bool open();
    Result<EncodedFrame> encode(const VideoFrame& frame, std::uint64_t timestamp, bool force_key);
    Result<EncodedFrame> encode_coarse(const VideoFrame& frame, std::uint64_t timestamp, bool force_key);
    void refine();
};

// Afresh, owing the rate control nothing for what was encoded before and never left.
bool Vp8Encoder::State::open() {
    if (context.open) vpx_codec_destroy(&context.codec);
    context.codec = {};
    context.open = vpx_codec_enc_init(&context.codec, vpx_codec_vp8_cx(), &config, 0) == VPX_CODEC_OK;
    return context.open && control(&context.codec, settings);
}

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
    if (!state->open()) return Failure(Error::codec_failed);
    return Vp8Encoder(std::move(state));
}

Result<EncodedFrame> Vp8Encoder::encode(const VideoFrame& frame, std::uint64_t timestamp, bool force_key) {
    if (frame.width != state_->settings.width || frame.height != state_->settings.height) {
        return Failure(Error::unsupported_media);
    }
    if (std::ranges::any_of(frame.planes, [](const Plane& plane) { return plane.data == nullptr; })) {
        return Failure(Error::unsupported_media);
    }
    state_->refine();
    auto encoded = state_->encode_coarse(frame, timestamp, force_key);
    const std::size_t bound = state_->settings.max_frame;
    while (encoded && bound != 0 && encoded->bytes.size() > bound) {
        if (state_->side >= coarsest) return Failure(Error::too_large);
        state_->side *= 2;
        state_->frames_since_change = 0;
        if (!state_->open()) return Failure(Error::codec_failed);
        encoded = state_->encode_coarse(frame, timestamp, true);
    }
    return encoded;
}

// Once a second at most, so that a picture that is coarse for good costs few attempts.
void Vp8Encoder::State::refine() {
    if (side == 1 || ++frames_since_change < settings.frame_rate) return;
    int quantizer = 0;
    if (vpx_codec_control(&context.codec, VP8E_GET_LAST_QUANTIZER_64, &quantizer) != VPX_CODEC_OK) return;
    if (quantizer >= quality_to_spare) return;
    side /= 2;
    frames_since_change = 0;
    if (side == 1) coarse.reset();
}

Result<EncodedFrame> Vp8Encoder::State::encode_coarse(const VideoFrame& frame, std::uint64_t timestamp,
                                                      bool force_key) {
    if (side == 1) return encode(frame, timestamp, force_key);
    if (!coarse) {
        auto buffer = I420Buffer::create(frame.width, frame.height);
        if (!buffer) return Failure(buffer.error());
        coarse = std::move(*buffer);
    }
    const auto copied = copy_coarse(frame, side, *coarse);
    if (!copied) return Failure(copied.error());
    return encode(coarse->view(frame.captured), timestamp, force_key);
}

Result<EncodedFrame> Vp8Encoder::State::encode(const VideoFrame& frame, std::uint64_t timestamp, bool force_key) {
    // Wrapped around samples that exist: given none, libvpx allocates some.
    vpx_img_wrap(&image, VPX_IMG_FMT_I420, static_cast<unsigned>(frame.width), static_cast<unsigned>(frame.height), 1,
                 readable(frame.planes[0]));
    for (std::size_t i = 0; i < 3; ++i) {
        image.planes[i] = readable(frame.planes[i]);
        image.stride[i] = static_cast<int>(frame.planes[i].stride);
    }
    vpx_codec_ctx_t* codec = &context.codec;
    const auto duration = 90000UL / static_cast<unsigned>(settings.frame_rate);
    const vpx_enc_frame_flags_t flags = force_key ? VPX_EFLAG_FORCE_KF : 0;
    if (vpx_codec_encode(codec, &image, static_cast<vpx_codec_pts_t>(timestamp), duration, flags, VPX_DL_REALTIME) !=
        VPX_CODEC_OK) {
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
    Vp8Settings settings = state_->settings;
    settings.bitrate = bits_per_second;
    changed.rc_target_bitrate = target_kilobits(settings);
    vpx_codec_ctx_t* codec = &state_->context.codec;
    if (vpx_codec_enc_config_set(codec, &changed) != VPX_CODEC_OK || !control(codec, settings)) {
        return Failure(Error::codec_failed);
    }
    state_->config = changed;
    state_->settings = settings;
    return {};
}

}  // namespace sotto::codec
