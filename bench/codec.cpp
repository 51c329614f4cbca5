// Sotto's wrappers of libvpx and Opus, against the bare libraries with the same settings. What they make is
// compared too: if the settings here and in codec/ drift apart, the run fails.
#include <opus/opus.h>
#include <vpx/vp8cx.h>
#include <vpx/vp8dx.h>
#include <vpx/vpx_decoder.h>
#include <vpx/vpx_encoder.h>

#include <cstring>
#include <memory>

#include "bench/subjects.h"
#include "codec/opus_decoder.h"
#include "codec/opus_encoder.h"
#include "codec/vp8_decoder.h"
#include "codec/vp8_encoder.h"

namespace sotto::bench {
namespace {

constexpr const char* subject = "codec";
constexpr double goal = 1.02;
constexpr std::size_t blocks = 10;          // of Opus, a time
constexpr std::size_t stream_frames = 240;  // that the decoders play again and again
constexpr std::size_t stream_blocks = 100;
constexpr std::size_t max_packet = 1275;  // RFC 6716 §3.4

using Time = std::array<double, 1>;  // microseconds a frame or block

const unsigned char* raw(Bytes bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }

// Both sides' outputs in order, as a running hash (FNV-1a); equal at the end or the comparison was not one.
class Fingerprint {
  public:
    void add(const void* data, std::size_t size) {
        const auto* bytes = static_cast<const unsigned char*>(data);
        for (std::size_t i = 0; i < size; ++i) hash_ = (hash_ ^ bytes[i]) * 0x100000001b3;
    }
    friend bool operator==(const Fingerprint&, const Fingerprint&) = default;

  private:
    std::uint64_t hash_ = 0xcbf29ce484222325;
};

struct CloseVpx {
    void operator()(vpx_codec_ctx_t* context) const {
        vpx_codec_destroy(context);
        delete context;
    }
};
using VpxContext = std::unique_ptr<vpx_codec_ctx_t, CloseVpx>;

class BareVp8Encoder {
  public:
    BareVp8Encoder() {
        vpx_codec_enc_cfg_t config{};
        vpx_codec_enc_config_default(vpx_codec_vp8_cx(), &config, 0);
        config.g_w = Scene::width;
        config.g_h = Scene::height;
        config.g_timebase = {1, 90000};
        config.g_threads = 1;
        config.g_pass = VPX_RC_ONE_PASS;
        config.g_lag_in_frames = 0;
        config.g_error_resilient = VPX_ERROR_RESILIENT_DEFAULT;
        config.rc_end_usage = VPX_CBR;
        config.rc_target_bitrate = 800;
        config.rc_min_quantizer = 2;
        config.rc_max_quantizer = 60;
        config.rc_undershoot_pct = 100;
        config.rc_overshoot_pct = 15;
        config.rc_buf_initial_sz = 150;
        config.rc_buf_optimal_sz = 180;
        config.rc_buf_sz = 300;
        config.rc_dropframe_thresh = 30;
        config.kf_mode = VPX_KF_DISABLED;
        const bool open = vpx_codec_enc_init(context_.get(), vpx_codec_vp8_cx(), &config, 0) == VPX_CODEC_OK;
        require(open, "cannot open libvpx's encoder");
        const bool set = vpx_codec_control(context_.get(), VP8E_SET_CPUUSED, -6) == VPX_CODEC_OK &&
                         vpx_codec_control(context_.get(), VP8E_SET_STATIC_THRESHOLD, 1U) == VPX_CODEC_OK &&
                         vpx_codec_control(context_.get(), VP8E_SET_MAX_INTRA_BITRATE_PCT, 700U) == VPX_CODEC_OK;
        require(set, "cannot set up libvpx's encoder");
    }

    Bytes encode(const VideoFrame& frame, std::uint64_t timestamp) {
        vpx_img_wrap(&image_, VPX_IMG_FMT_I420, Scene::width, Scene::height, 1,
                     const_cast<unsigned char*>(frame.planes[0].data));
        for (std::size_t i = 0; i < 3; ++i) {
            image_.planes[i] = const_cast<unsigned char*>(frame.planes[i].data);
            image_.stride[i] = static_cast<int>(frame.planes[i].stride);
        }
        const bool done = vpx_codec_encode(context_.get(), &image_, static_cast<vpx_codec_pts_t>(timestamp),
                                           90000 / Scene::frame_rate, 0, VPX_DL_REALTIME) == VPX_CODEC_OK;
        require(done, "libvpx cannot encode");
        vpx_codec_iter_t iterator = nullptr;
        const vpx_codec_cx_pkt_t* const packet = vpx_codec_get_cx_data(context_.get(), &iterator);
        if (packet == nullptr || packet->kind != VPX_CODEC_CX_FRAME_PKT) return {};
        return {static_cast<const std::byte*>(packet->data.frame.buf), packet->data.frame.sz};
    }

  private:
    VpxContext context_{new vpx_codec_ctx_t{}};
    vpx_image_t image_{};
};

class BareVp8Decoder {
  public:
    BareVp8Decoder() {
        const vpx_codec_dec_cfg_t config{.threads = 1, .w = 0, .h = 0};
        const bool open = vpx_codec_dec_init(context_.get(), vpx_codec_vp8_dx(), &config, 0) == VPX_CODEC_OK;
        require(open, "cannot open libvpx's decoder");
    }

    const vpx_image_t* decode(Bytes frame) {
        const bool done = vpx_codec_decode(context_.get(), raw(frame), static_cast<unsigned>(frame.size()), nullptr,
                                           0) == VPX_CODEC_OK;
        require(done, "libvpx cannot decode");
        vpx_codec_iter_t iterator = nullptr;
        return vpx_codec_get_frame(context_.get(), &iterator);
    }

  private:
    VpxContext context_{new vpx_codec_ctx_t{}};
};

void measure_vp8_encoding(const Run& run) {
    auto ours = must(codec::Vp8Encoder::create({}), "cannot make a VP8 encoder");
    BareVp8Encoder bare;
    Fingerprint our_frames, bare_frames;
    std::size_t our_next = 0, bare_next = 0;
    const auto encode_ours = [&] {
        const VideoFrame frame = run.scene.frame(our_next);
        Bytes made;
        const double time = timed([&] {
            made = must(ours.encode(frame, Scene::timestamp(our_next), {.key = false}), "cannot encode").bytes;
        });
        our_frames.add(made.data(), made.size());
        ++our_next;
        return Time{time};
    };
    const auto encode_bare = [&] {
        const VideoFrame frame = run.scene.frame(bare_next);
        Bytes made;
        const double time = timed([&] { made = bare.encode(frame, Scene::timestamp(bare_next)); });
        bare_frames.add(made.data(), made.size());
        ++bare_next;
        return Time{time};
    };
    const auto compared = interleave<1>(run.budget, encode_ours, encode_bare);
    require(our_frames == bare_frames, "codec/ and bench/ set libvpx up differently");
    run.report.add(subject, "VP8 encoding, 640x360 at 800 kbit/s, a frame", "libvpx", compared[0], goal);
}

void measure_vp8_decoding(const Run& run) {
    const std::vector<Buffer> stream = run.scene.encoded(stream_frames);
    auto ours = must(codec::Vp8Decoder::create(), "cannot make a VP8 decoder");
    BareVp8Decoder bare;
    Fingerprint our_pictures, bare_pictures;
    std::size_t our_next = 0, bare_next = 0;
    const auto decode_ours = [&] {
        std::optional<VideoFrame> picture;
        const Bytes frame = stream[our_next++ % stream.size()];
        const double time = timed([&] { picture = must(ours.decode(frame), "cannot decode"); });
        require(picture.has_value(), "a frame shows nothing");
        our_pictures.add(picture->planes[0].data + Scene::height / 2 * picture->planes[0].stride, Scene::width);
        return Time{time};
    };
    const auto decode_bare = [&] {
        const vpx_image_t* picture = nullptr;
        const Bytes frame = stream[bare_next++ % stream.size()];
        const double time = timed([&] { picture = bare.decode(frame); });
        require(picture != nullptr, "a frame shows nothing");
        bare_pictures.add(picture->planes[0] + Scene::height / 2 * picture->stride[0], Scene::width);
        return Time{time};
    };
    const auto compared = interleave<1>(run.budget, decode_ours, decode_bare);
    require(our_pictures == bare_pictures, "codec/ and bench/ decode differently");
    run.report.add(subject, "VP8 decoding, 640x360 at 800 kbit/s, a frame", "libvpx", compared[0], goal);
}

struct CloseOpus {
    void operator()(::OpusEncoder* encoder) const { opus_encoder_destroy(encoder); }
    void operator()(::OpusDecoder* decoder) const { opus_decoder_destroy(decoder); }
};

std::unique_ptr<::OpusEncoder, CloseOpus> bare_opus_encoder() {
    int error = OPUS_OK;
    std::unique_ptr<::OpusEncoder, CloseOpus> encoder(
        opus_encoder_create(audio_rate, 1, OPUS_APPLICATION_VOIP, &error));
    require(error == OPUS_OK, "cannot open Opus's encoder");
    const bool set = opus_encoder_ctl(encoder.get(), OPUS_SET_BITRATE(32000)) == OPUS_OK &&
                     opus_encoder_ctl(encoder.get(), OPUS_SET_VBR(0)) == OPUS_OK &&
                     opus_encoder_ctl(encoder.get(), OPUS_SET_COMPLEXITY(5)) == OPUS_OK &&
                     opus_encoder_ctl(encoder.get(), OPUS_SET_INBAND_FEC(1)) == OPUS_OK &&
                     opus_encoder_ctl(encoder.get(), OPUS_SET_PACKET_LOSS_PERC(10)) == OPUS_OK &&
                     opus_encoder_ctl(encoder.get(), OPUS_SET_SIGNAL(OPUS_SIGNAL_VOICE)) == OPUS_OK;
    require(set, "cannot set up Opus's encoder");
    return encoder;
}

std::unique_ptr<::OpusDecoder, CloseOpus> bare_opus_decoder() {
    int error = OPUS_OK;
    std::unique_ptr<::OpusDecoder, CloseOpus> decoder(opus_decoder_create(audio_rate, 1, &error));
    require(error == OPUS_OK, "cannot open Opus's decoder");
    opus_decoder_ctl(decoder.get(), OPUS_SET_COMPLEXITY(5));  // refused before Opus 1.5, there without effect
    return decoder;
}

// Opus blocks are short: several a time.
template <class Work>
Time each_block(Work&& work) {
    const double all = timed([&] {
        for (std::size_t i = 0; i < blocks; ++i) work();
    });
    return {all / static_cast<double>(blocks)};
}

void measure_opus_encoding(const Run& run) {
    auto ours = must(codec::OpusEncoder::create({}), "cannot make an Opus encoder");
    const auto bare = bare_opus_encoder();
    Fingerprint our_packets, bare_packets;
    std::array<std::byte, max_packet> room{};
    std::size_t our_next = 0, bare_next = 0;
    const auto encode_ours = [&] {
        return each_block([&] {
            const std::size_t size = must(ours.encode(run.scene.block(our_next++), room), "cannot encode");
            our_packets.add(room.data(), size);
        });
    };
    const auto encode_bare = [&] {
        return each_block([&] {
            const int size = opus_encode(bare.get(), run.scene.block(bare_next++).samples.data(), Scene::block_samples,
                                         reinterpret_cast<unsigned char*>(room.data()), max_packet);
            require(size > 0, "Opus cannot encode");
            bare_packets.add(room.data(), static_cast<std::size_t>(size));
        });
    };
    const auto compared = interleave<1>(run.budget, encode_ours, encode_bare);
    require(our_packets == bare_packets, "codec/ and bench/ set Opus up differently");
    run.report.add(subject, "Opus encoding, 32 kbit/s, a block of 20 ms", "libopus", compared[0], goal);
}

std::vector<Buffer> encoded_voice(const Scene& scene) {
    auto encoder = must(codec::OpusEncoder::create({}), "cannot make an Opus encoder");
    std::array<std::byte, max_packet> room{};
    std::vector<Buffer> packets;
    for (std::size_t i = 0; i < stream_blocks; ++i) {
        const std::size_t size = must(encoder.encode(scene.block(i), room), "cannot encode");
        packets.push_back(to_buffer(std::span(room).first(size)));
    }
    return packets;
}

void measure_opus_decoding(const Run& run) {
    const std::vector<Buffer> stream = encoded_voice(run.scene);
    auto ours = must(codec::OpusDecoder::create(1), "cannot make an Opus decoder");
    const auto bare = bare_opus_decoder();
    Fingerprint our_samples, bare_samples;
    std::array<std::int16_t, Scene::block_samples> samples{};
    std::size_t our_next = 0, bare_next = 0;
    const auto decode_ours = [&] {
        const Time time =
            each_block([&] { must(ours.decode(stream[our_next++ % stream.size()], samples), "cannot decode"); });
        our_samples.add(samples.data(), sizeof(samples));
        return time;
    };
    const auto decode_bare = [&] {
        const Time time = each_block([&] {
            const Bytes packet = stream[bare_next++ % stream.size()];
            const int frames = opus_decode(bare.get(), raw(packet), static_cast<opus_int32>(packet.size()),
                                           samples.data(), Scene::block_samples, 0);
            require(frames == Scene::block_samples, "Opus cannot decode");
        });
        bare_samples.add(samples.data(), sizeof(samples));
        return time;
    };
    const auto compared = interleave<1>(run.budget, decode_ours, decode_bare);
    require(our_samples == bare_samples, "codec/ and bench/ set Opus up differently");
    run.report.add(subject, "Opus decoding, 32 kbit/s, a block of 20 ms", "libopus", compared[0], goal);
}

}  // namespace

void measure_codec(const Run& run) {
    measure_vp8_encoding(run);
    measure_vp8_decoding(run);
    measure_opus_encoding(run);
    measure_opus_decoding(run);
}

}  // namespace sotto::bench
