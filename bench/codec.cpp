// Sotto's wrappers of libvpx and Opus, against the bare libraries with the same settings. What they make is
// compared too: if the settings here and in codec/ drift apart, the run fails.
#include <opus/opus.h>
#include <vpx/vpx_image.h>

#include "bench/bare_codec.h"
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

void measure_vp8_encoding(const Run& run) {
    auto ours = must(codec::Vp8Encoder::create({}), "cannot make a VP8 encoder");
    BareVp8Encoder bare({});
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
        const vpx_image* picture = nullptr;
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
    const auto bare = bare_opus_encoder(32000, 10);
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
