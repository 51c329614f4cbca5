// The way of a frame between the codecs beside the least that encrypting it costs, and beside GStreamer's way.
#include "bench/coded_path.h"
#include "bench/peers/aes_gcm.h"
#include "bench/peers/media_chain.h"
#include "bench/stock_cipher.h"
#include "bench/subjects.h"

namespace sotto::bench {
namespace {

constexpr const char* subject = "media peers";
constexpr double gstreamer_at_most = 1.0 / 8;

#ifdef SOTTO_BENCH_CRYPTO
// Seals and opens the packets that FramePath makes of the same frames; laying them out is not timed.
class AesPath {
  public:
    explicit AesPath(const std::vector<Buffer>& frames) : aes_(std::span(key_).first<32>()) {
        for (const Buffer& frame : frames) frames_.push_back(packetise(frame));
    }

    Whole run() {
        working_.clear();
        for (std::size_t i = 0; i < batch; ++i) {
            const auto& frame = frames_[sent_++ % frames_.size()];
            working_.insert(working_.end(), frame.begin(), frame.end());
        }
        const double time = timed([&] {
            for (PlainPacket& packet : working_) {
                const MutableBytes bytes =
                    std::span(packet.bytes).first(static_cast<std::size_t>(packet.size) + BareAes::tag_size);
                aes_.seal(bytes, ++number_);
                require(aes_.open(bytes, number_), "OpenSSL does not open");
            }
        });
        return {a_frame(time)};
    }

  private:
    std::array<std::byte, 44> key_ = master_key();
    BareAes aes_;
    std::vector<std::vector<PlainPacket>> frames_;
    std::vector<PlainPacket> working_;
    std::size_t sent_ = 0;
    std::uint64_t number_ = 0;
};

void measure_limit(const Run& run, const std::vector<Buffer>& frames) {
    FramePath ours(frames, master_key());
    AesPath aes(frames);
    const auto compared = interleave<1>(run.budget, [&] { return ours.run(); }, [&] { return aes.run(); });
    run.report.add(subject, "all that is not codec, both sides", "AES-256-GCM alone, by OpenSSL " + aes_version(),
                   compared[0]);
}
#else
void measure_limit(const Run& run, const std::vector<Buffer>&) {
    run.report.note(subject, "AES-256-GCM by OpenSSL: not installed");
}
#endif

void measure_chains(const Run& run, const std::vector<Buffer>& frames) {
    auto opened = open_gstreamer();
    if (!opened) return run.report.note(subject, opened.error());
    const std::string peer = "GStreamer " + opened->version;

    // Its elements key their streams when the first frame passes.
    std::size_t first = 0, next = 0;
    {
        const StockCipher stock;
        opened->between->pass(std::span(frames).first(batch));
        opened->whole->pass(run.scene.frame(next++));
        opened->threaded->pass(run.scene.frame(next++));
    }

    FramePath path(frames, master_key());
    const auto their_frames = [&]() -> Whole {
        const std::span<const Buffer> some = std::span(frames).subspan(first, batch);
        first = (first + batch) % frames.size();
        return {a_frame(opened->between->pass(some))};
    };
    const auto between = interleave<1>(run.budget, [&] { return path.run(); }, their_frames);
    run.report.add(subject, "frames that follow each other", peer + ", rtpvp8pay to rtpvp8depay", between[0],
                   gstreamer_at_most);

    // Sotto's codecs do the same work around its frames as GStreamer's do around theirs.
    CodedPath coded(run.scene, FramePath(frames, master_key()));
    const auto their_pictures = [&]() -> Whole {
        double time = 0;
        for (std::size_t i = 0; i < batch; ++i) time += opened->whole->pass(run.scene.frame(next++));
        return {a_frame(time)};
    };
    const auto whole = interleave<1>(run.budget, [&] { return coded.run(); }, their_pictures);
    run.report.add(subject, "the same between encoding and decoding", peer + ", the same within its whole chain",
                   whole[0]);

    const auto their_pipeline = [&]() -> Whole {
        double time = 0;
        for (std::size_t i = 0; i < batch; ++i) time += opened->threaded->pass(run.scene.frame(next++));
        return {a_frame(time)};
    };
    const auto threaded = interleave<1>(run.budget, [&] { return coded.run(); }, their_pipeline);
    run.report.add(subject, "the same, all threads but for the codecs",
                   peer + ", the same with a queue and rtpjitterbuffer", threaded[0], gstreamer_at_most);
}

}  // namespace

#ifndef SOTTO_BENCH_GSTREAMER
std::expected<Gstreamer, std::string> open_gstreamer() {
    return std::unexpected("GStreamer: its headers were not there when this was built");
}
#endif

void measure_media_peers(const Run& run) {
    run.report.note(subject, "the frames of the srtp path; Chromium over emulated links: bench/network");
    const std::vector<Buffer> frames = run.scene.encoded(10 * Scene::frame_rate);
    measure_limit(run, frames);
    static_assert(10 * Scene::frame_rate % batch == 0, "a batch is a whole span of frames");
    measure_chains(run, frames);
}

}  // namespace sotto::bench
