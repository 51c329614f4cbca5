#include "codec/vp8_encoder.h"

#include <vpx/vp8cx.h>
#include <vpx/vpx_encoder.h>

#include <algorithm>
#include <optional>

#include "codec/i420.h"
#include "codec/scale.h"

namespace sotto::codec {
namespace {

constexpr int coarsest = 64;  // samples, the side of a square
constexpr int coarsest_quantizer = 60;
constexpr int quality_to_spare = 30;  // of libvpx's quantizers from 0 (best) to 63: below, a finer picture is tried

bool valid_bitrate(int bitrate) { return bitrate >= 10000 && bitrate <= 50000000; }

bool valid_side(int size, int largest = 16383) { return size >= 16 && size <= largest && size % 2 == 0; }
bool valid_finest(int quantizer) { return quantizer >= 2 && quantizer <= coarsest_quantizer; }
bool valid_speed(int speed) { return speed >= -16 && speed <= 16; }

bool valid(const Vp8Settings& s) {
    return valid_side(s.width) && valid_side(s.height) && s.frame_rate >= 1 && s.frame_rate <= 120 &&
           valid_bitrate(s.bitrate) && valid_speed(s.cpu_used) && valid_finest(s.finest) && s.threads >= 1 &&
           s.threads <= 16 && s.max_key_frame_percent >= 0 && s.max_frame >= 4096 && s.max_frame <= (1 << 30);
}

// What the rate control may aim at: frames of half the bound on average leave it room to vary them.
Vp8Settings within_bound(Vp8Settings s) {
    const auto bound = static_cast<std::int64_t>(s.max_frame);
    s.bitrate = static_cast<int>(std::min<std::int64_t>(s.bitrate, bound / 2 * 8 * s.frame_rate));
    const int average = std::max(s.bitrate / 8 / s.frame_rate, 1);
    s.max_key_frame_percent = static_cast<int>(std::min<std::int64_t>(s.max_key_frame_percent, bound * 100 / average));
    return s;
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
    config.rc_target_bitrate = static_cast<unsigned>(within_bound(s).bitrate / 1000);
    config.rc_min_quantizer = static_cast<unsigned>(s.finest);
    config.rc_max_quantizer = coarsest_quantizer;
    config.rc_undershoot_pct = 100;
    config.rc_overshoot_pct = 15;
    // What a bottleneck's queue may grow by, not what a file's player holds. A frame may be larger than its share only
    // as long as these ms of the bit rate last; the first one may have half of what there is at the start.
    config.rc_buf_initial_sz = 150;
    config.rc_buf_optimal_sz = 180;
    config.rc_buf_sz = 300;
    config.rc_dropframe_thresh = 30;  // per cent of the buffer under which frames are left out
    config.rc_resize_allowed = 0;
    config.kf_mode = VPX_KF_DISABLED;  // key frames come on demand
    return config;
}

bool lacks_planes(const VideoFrame& frame) {
    return std::ranges::any_of(frame.planes, [](const Plane& plane) { return plane.data == nullptr; });
}

int log2_of(int threads) { return threads >= 8 ? 3 : threads >= 4 ? 2 : threads >= 2 ? 1 : 0; }

bool control(vpx_codec_ctx_t* codec, const Vp8Settings& s) {
    const auto key_frame_percent = static_cast<unsigned>(within_bound(s).max_key_frame_percent);
    return vpx_codec_control(codec, VP8E_SET_CPUUSED, s.cpu_used) == VPX_CODEC_OK &&
           vpx_codec_control(codec, VP8E_SET_NOISE_SENSITIVITY, 0U) == VPX_CODEC_OK &&
           vpx_codec_control(codec, VP8E_SET_STATIC_THRESHOLD, 1U) == VPX_CODEC_OK &&
           vpx_codec_control(codec, VP8E_SET_TOKEN_PARTITIONS, log2_of(s.threads)) == VPX_CODEC_OK &&
           vpx_codec_control(codec, VP8E_SET_MAX_INTRA_BITRATE_PCT, key_frame_percent) == VPX_CODEC_OK;
}

// libvpx reads the planes but declares them writable.
unsigned char* readable(const Plane& plane) { return const_cast<unsigned char*>(plane.data); }

}  // namespace

struct Vp8Encoder::State {
    vpx_codec_ctx_t codec{};
    Vp8Settings settings;
    int width = 0;  // that it was created for
    int height = 0;
    vpx_image_t image{};
    Vp8Layers layers;
    bool key_due = true;               // the codec was opened, or the size changed
    std::optional<I420Buffer> scaled;  // where the size is not what it was created for
    std::optional<I420Buffer> coarse;  // since a picture did not fit
    int side = 1;                      // of the squares that the picture is flattened by, so that its frames fit
    int frames_since_change = 0;

    State() = default;
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() { vpx_codec_destroy(&codec); }  // which leaves alone what is not open

    Result<void> open();
    Result<void> configure(const Vp8Settings& changed);
    Result<EncodedFrame> encode(const VideoFrame& frame, std::uint64_t timestamp, const Vp8FrameOptions& options);
    Result<Bytes> compress(const VideoFrame& picture, std::uint64_t timestamp, vpx_enc_frame_flags_t flags, bool& key);
    Result<void> coarsen();
    void refine();
};

// Afresh: a key frame follows, and the rate control owes nothing for what never left.
Result<void> Vp8Encoder::State::open() {
    vpx_codec_destroy(&codec);
    key_due = true;
    // Never larger later on than it is opened for.
    Vp8Settings full = settings;
    full.width = width;
    full.height = height;
    const vpx_codec_enc_cfg_t config = configuration(full);
    if (vpx_codec_enc_init(&codec, vpx_codec_vp8_cx(), &config, 0) != VPX_CODEC_OK) return Failure(Error::codec_failed);
    return configure(settings);
}

Result<void> Vp8Encoder::State::configure(const Vp8Settings& changed) {
    const vpx_codec_enc_cfg_t config = configuration(changed);
    if (vpx_codec_enc_config_set(&codec, &config) != VPX_CODEC_OK || !control(&codec, changed)) {
        return Failure(Error::codec_failed);
    }
    settings = changed;
    return {};
}

Vp8Encoder::Vp8Encoder(std::unique_ptr<State> state) : state_(std::move(state)) {}
Vp8Encoder::Vp8Encoder(Vp8Encoder&&) noexcept = default;
Vp8Encoder& Vp8Encoder::operator=(Vp8Encoder&&) noexcept = default;
Vp8Encoder::~Vp8Encoder() = default;

const Vp8Settings& Vp8Encoder::settings() const { return state_->settings; }

int Vp8Encoder::quantizer() const {
    int quantizer = 0;
    return vpx_codec_control(&state_->codec, VP8E_GET_LAST_QUANTIZER, &quantizer) == VPX_CODEC_OK ? quantizer : 0;
}

Result<Vp8Encoder> Vp8Encoder::create(const Vp8Settings& settings) {
    if (!valid(settings)) return Failure(Error::invalid_argument);
    auto state = std::make_unique<State>();
    state->settings = settings;
    state->width = settings.width;
    state->height = settings.height;
    const auto opened = state->open();
    if (!opened) return Failure(opened.error());
    return Vp8Encoder(std::move(state));
}

Result<VideoFrame> Vp8Encoder::scaled(const VideoFrame& frame) {
    if (frame.width != state_->width || frame.height != state_->height || lacks_planes(frame)) {
        return Failure(Error::unsupported_media);
    }
    if (!state_->scaled) return frame;
    const auto made = scale(frame, *state_->scaled);
    if (!made) return Failure(made.error());
    return state_->scaled->view(frame.captured);
}

Result<EncodedFrame> Vp8Encoder::encode(const VideoFrame& frame, std::uint64_t timestamp,
                                        const Vp8FrameOptions& options) {
    const bool fits = frame.width == state_->settings.width && frame.height == state_->settings.height;
    if (fits && lacks_planes(frame)) return Failure(Error::unsupported_media);
    const auto picture = fits ? Result<VideoFrame>(frame) : scaled(frame);
    if (!picture) return Failure(picture.error());
    state_->refine();
    for (;;) {
        const auto encoded = state_->encode(*picture, timestamp, options);
        if (!encoded || encoded->bytes.size() <= state_->settings.max_frame) return encoded;
        const auto coarser = state_->coarsen();
        if (!coarser) return Failure(coarser.error());
    }
}

Result<void> Vp8Encoder::State::coarsen() {
    const auto opened = open();
    if (!opened) return opened;
    if (side >= coarsest) return Failure(Error::too_large);
    if (!coarse) {
        auto buffer = I420Buffer::create(settings.width, settings.height);
        if (!buffer) return Failure(buffer.error());
        coarse = std::move(*buffer);
    }
    side *= 2;
    frames_since_change = 0;
    return {};
}

// Once a second at most, so that a picture that is coarse for good costs few attempts.
void Vp8Encoder::State::refine() {
    if (side == 1 || ++frames_since_change < settings.frame_rate) return;
    int quantizer = 0;
    if (vpx_codec_control(&codec, VP8E_GET_LAST_QUANTIZER_64, &quantizer) != VPX_CODEC_OK) return;
    if (quantizer >= quality_to_spare) return;
    side /= 2;
    frames_since_change = 0;
}

Result<EncodedFrame> Vp8Encoder::State::encode(const VideoFrame& frame, std::uint64_t timestamp,
                                               const Vp8FrameOptions& options) {
    VideoFrame picture = frame;
    if (side > 1) {
        const auto copied = copy_coarse(frame, side, *coarse);
        if (!copied) return Failure(copied.error());
        picture = coarse->view(frame.captured);
    }
    Vp8FrameOptions wanted = options;
    wanted.key = wanted.key || key_due;
    const Vp8Layers::Plan plan = layers.plan(wanted);
    bool key = false;
    const auto bytes = compress(picture, timestamp, plan.flags, key);
    if (!bytes) return Failure(bytes.error());
    if (bytes->empty() || bytes->size() > settings.max_frame) return EncodedFrame{.bytes = *bytes};
    key_due = false;
    EncodedFrame encoded = layers.encoded(plan, key);
    encoded.bytes = *bytes;
    return encoded;
}

Result<Bytes> Vp8Encoder::State::compress(const VideoFrame& picture, std::uint64_t timestamp,
                                          vpx_enc_frame_flags_t flags, bool& key) {
    // Wrapped around samples that exist: given none, libvpx allocates some.
    vpx_img_wrap(&image, VPX_IMG_FMT_I420, static_cast<unsigned>(picture.width), static_cast<unsigned>(picture.height),
                 1, readable(picture.planes[0]));
    for (std::size_t i = 0; i < 3; ++i) {
        image.planes[i] = readable(picture.planes[i]);
        image.stride[i] = static_cast<int>(picture.planes[i].stride);
    }
    const auto duration = 90000UL / static_cast<unsigned>(settings.frame_rate);
    if (vpx_codec_encode(&codec, &image, static_cast<vpx_codec_pts_t>(timestamp), duration, flags, VPX_DL_REALTIME) !=
        VPX_CODEC_OK) {
        return Failure(Error::codec_failed);
    }
    vpx_codec_iter_t iterator = nullptr;
    while (const vpx_codec_cx_pkt_t* packet = vpx_codec_get_cx_data(&codec, &iterator)) {
        if (packet->kind != VPX_CODEC_CX_FRAME_PKT) continue;
        key = (packet->data.frame.flags & VPX_FRAME_IS_KEY) != 0;
        return Bytes(static_cast<const std::byte*>(packet->data.frame.buf), packet->data.frame.sz);
    }
    return Bytes{};
}

Result<void> Vp8Encoder::set_bitrate(int bits_per_second) {
    if (!valid_bitrate(bits_per_second)) return Failure(Error::invalid_argument);
    Vp8Settings settings = state_->settings;
    settings.bitrate = bits_per_second;
    return state_->configure(settings);
}

Result<void> Vp8Encoder::set_size(int width, int height) {
    State& state = *state_;
    if (!valid_side(width, state.width) || !valid_side(height, state.height)) return Failure(Error::invalid_argument);
    Vp8Settings settings = state.settings;
    if (width == settings.width && height == settings.height) return {};
    std::optional<I420Buffer> scaled;
    if (width != state.width || height != state.height) {
        auto buffer = I420Buffer::create(width, height);
        if (!buffer) return Failure(buffer.error());
        scaled = std::move(*buffer);
    }
    settings.width = width;
    settings.height = height;
    const auto configured = state.configure(settings);
    if (!configured) return configured;
    state.scaled = std::move(scaled);
    state.coarse.reset();
    state.side = 1;
    state.key_due = true;
    return {};
}

Result<void> Vp8Encoder::set_cpu_used(int speed) {
    if (!valid_speed(speed)) return Failure(Error::invalid_argument);
    Vp8Settings settings = state_->settings;
    settings.cpu_used = speed;
    return state_->configure(settings);
}

Result<void> Vp8Encoder::set_finest(int quantizer) {
    if (!valid_finest(quantizer)) return Failure(Error::invalid_argument);
    Vp8Settings settings = state_->settings;
    settings.finest = quantizer;
    return state_->configure(settings);
}

}  // namespace sotto::codec
