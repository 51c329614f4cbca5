#include "bench/bare_codec.h"

#include <opus/opus.h>
#include <vpx/vp8cx.h>
#include <vpx/vp8dx.h>
#include <vpx/vpx_decoder.h>
#include <vpx/vpx_encoder.h>

#include "bench/measure.h"

namespace sotto::bench {
namespace {

vpx_codec_enc_cfg_t configuration(const BareVp8Settings& settings) {
    vpx_codec_enc_cfg_t config{};
    vpx_codec_enc_config_default(vpx_codec_vp8_cx(), &config, 0);
    config.g_w = static_cast<unsigned>(settings.width);
    config.g_h = static_cast<unsigned>(settings.height);
    config.g_timebase = {1, 90000};
    config.g_threads = 1;
    config.g_pass = VPX_RC_ONE_PASS;
    config.g_lag_in_frames = 0;
    config.g_error_resilient = VPX_ERROR_RESILIENT_DEFAULT;
    config.rc_end_usage = VPX_CBR;
    config.rc_target_bitrate = static_cast<unsigned>(settings.bitrate / 1000);
    config.rc_min_quantizer = static_cast<unsigned>(settings.finest);
    config.rc_max_quantizer = 60;
    config.rc_undershoot_pct = 100;
    config.rc_overshoot_pct = 15;
    config.rc_buf_initial_sz = 150;
    config.rc_buf_optimal_sz = 180;
    config.rc_buf_sz = 300;
    config.rc_dropframe_thresh = 30;
    config.kf_mode = VPX_KF_DISABLED;
    return config;
}

}  // namespace

void CloseVpx::operator()(vpx_codec_ctx* context) const {
    vpx_codec_destroy(context);
    delete context;
}
void CloseOpus::operator()(::OpusEncoder* encoder) const { opus_encoder_destroy(encoder); }
void CloseOpus::operator()(::OpusDecoder* decoder) const { opus_decoder_destroy(decoder); }

BareVp8Encoder::BareVp8Encoder(const BareVp8Settings& settings)
    : settings_(settings), context_(new vpx_codec_ctx_t{}), image_(std::make_unique<vpx_image_t>()) {
    const vpx_codec_enc_cfg_t config = configuration(settings);
    const bool open = vpx_codec_enc_init(context_.get(), vpx_codec_vp8_cx(), &config, 0) == VPX_CODEC_OK;
    require(open, "cannot open libvpx's encoder");
    const bool set = vpx_codec_control(context_.get(), VP8E_SET_CPUUSED, settings.cpu_used) == VPX_CODEC_OK &&
                     vpx_codec_control(context_.get(), VP8E_SET_STATIC_THRESHOLD, 1U) == VPX_CODEC_OK &&
                     vpx_codec_control(context_.get(), VP8E_SET_MAX_INTRA_BITRATE_PCT, 700U) == VPX_CODEC_OK;
    require(set, "cannot set up libvpx's encoder");
}
BareVp8Encoder::BareVp8Encoder(BareVp8Encoder&&) noexcept = default;
BareVp8Encoder::~BareVp8Encoder() = default;

Bytes BareVp8Encoder::encode(const VideoFrame& frame, std::uint64_t timestamp) {
    vpx_img_wrap(image_.get(), VPX_IMG_FMT_I420, static_cast<unsigned>(settings_.width),
                 static_cast<unsigned>(settings_.height), 1, const_cast<unsigned char*>(frame.planes[0].data));
    for (std::size_t i = 0; i < 3; ++i) {
        image_->planes[i] = const_cast<unsigned char*>(frame.planes[i].data);
        image_->stride[i] = static_cast<int>(frame.planes[i].stride);
    }
    const auto duration = 90000UL / static_cast<unsigned long>(settings_.frame_rate);
    const bool done = vpx_codec_encode(context_.get(), image_.get(), static_cast<vpx_codec_pts_t>(timestamp), duration,
                                       0, VPX_DL_REALTIME) == VPX_CODEC_OK;
    require(done, "libvpx cannot encode");
    vpx_codec_iter_t iterator = nullptr;
    const vpx_codec_cx_pkt_t* const packet = vpx_codec_get_cx_data(context_.get(), &iterator);
    if (packet == nullptr || packet->kind != VPX_CODEC_CX_FRAME_PKT) return {};
    return {static_cast<const std::byte*>(packet->data.frame.buf), packet->data.frame.sz};
}

BareVp8Decoder::BareVp8Decoder() : context_(new vpx_codec_ctx_t{}) {
    const vpx_codec_dec_cfg_t config{.threads = 1, .w = 0, .h = 0};
    const bool open = vpx_codec_dec_init(context_.get(), vpx_codec_vp8_dx(), &config, 0) == VPX_CODEC_OK;
    require(open, "cannot open libvpx's decoder");
}

const vpx_image* BareVp8Decoder::decode(Bytes frame) {
    const bool done = vpx_codec_decode(context_.get(), reinterpret_cast<const unsigned char*>(frame.data()),
                                       static_cast<unsigned>(frame.size()), nullptr, 0) == VPX_CODEC_OK;
    require(done, "libvpx cannot decode");
    vpx_codec_iter_t iterator = nullptr;
    return vpx_codec_get_frame(context_.get(), &iterator);
}

BareOpusEncoder bare_opus_encoder(int bitrate, int expected_loss) {
    int error = OPUS_OK;
    BareOpusEncoder encoder(opus_encoder_create(audio_rate, 1, OPUS_APPLICATION_VOIP, &error));
    require(error == OPUS_OK, "cannot open Opus's encoder");
    const bool set = opus_encoder_ctl(encoder.get(), OPUS_SET_BITRATE(bitrate)) == OPUS_OK &&
                     opus_encoder_ctl(encoder.get(), OPUS_SET_VBR(0)) == OPUS_OK &&
                     opus_encoder_ctl(encoder.get(), OPUS_SET_COMPLEXITY(5)) == OPUS_OK &&
                     opus_encoder_ctl(encoder.get(), OPUS_SET_INBAND_FEC(1)) == OPUS_OK &&
                     opus_encoder_ctl(encoder.get(), OPUS_SET_PACKET_LOSS_PERC(expected_loss)) == OPUS_OK &&
                     opus_encoder_ctl(encoder.get(), OPUS_SET_SIGNAL(OPUS_SIGNAL_VOICE)) == OPUS_OK;
    require(set, "cannot set up Opus's encoder");
    return encoder;
}

BareOpusDecoder bare_opus_decoder() {
    int error = OPUS_OK;
    BareOpusDecoder decoder(opus_decoder_create(audio_rate, 1, &error));
    require(error == OPUS_OK, "cannot open Opus's decoder");
    opus_decoder_ctl(decoder.get(), OPUS_SET_COMPLEXITY(5));  // refused before Opus 1.5, there without effect
    return decoder;
}

}  // namespace sotto::bench
