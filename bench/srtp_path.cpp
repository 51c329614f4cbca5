// Everything between the codecs, against libsrtp2's own calls for the same packets.
#include <srtp2/srtp.h>

#include <memory>

#include "bench/allocations.h"
#include "bench/frame_path.h"
#include "bench/subjects.h"

namespace sotto::bench {
namespace {

constexpr const char* subject = "srtp path";

struct CloseSession {
    void operator()(srtp_t session) const { srtp_dealloc(session); }
};

// srtp_protect() and srtp_unprotect() in place, on the packets that FramePath makes of the same frames;
// laying the packets out and numbering them is not timed.
class BareSrtp {
  public:
    BareSrtp(const std::vector<Buffer>& frames, std::array<std::byte, 44> key) : out_(open(key)), in_(open(key)) {
        for (const Buffer& frame : frames) frames_.push_back(packetise(frame));
    }

    Whole run() {
        lay_out();
        const double time = timed([&] {
            for (const std::span<Packet> frame : working_frames_) {
                apply(srtp_protect, out_.get(), frame);
                apply(srtp_unprotect, in_.get(), frame);
            }
        });
        return {a_frame(time)};
    }

    Halves run_halves() {
        lay_out();
        const double sending = timed([&] { apply(srtp_protect, out_.get(), working_); });
        const double receiving = timed([&] { apply(srtp_unprotect, in_.get(), working_); });
        return {a_frame(sending), a_frame(receiving)};
    }

    double packets_a_frame() const {
        double packets = 0;
        for (const auto& frame : frames_) packets += static_cast<double>(frame.size());
        return packets / static_cast<double>(frames_.size());
    }

  private:
    using Packet = PlainPacket;
    using Session = std::unique_ptr<srtp_ctx_t_, CloseSession>;

    // The same policy as transport/srtp.cpp.
    static Session open(std::array<std::byte, 44>& key) {
        srtp_policy_t policy{};
        srtp_crypto_policy_set_aes_gcm_256_16_auth(&policy.rtp);
        srtp_crypto_policy_set_aes_gcm_256_16_auth(&policy.rtcp);
        policy.ssrc = {.type = ssrc_specific, .value = video_ssrc.value};
        policy.key = reinterpret_cast<unsigned char*>(key.data());
        policy.window_size = 1024;
        srtp_t session = nullptr;
        require(srtp_create(&session, &policy) == srtp_err_status_ok, "cannot make an SRTP session");
        return Session(session);
    }

    void lay_out() {
        working_.clear();
        std::array<std::size_t, batch> sizes{};
        for (std::size_t& size : sizes) {
            const std::vector<Packet>& frame = frames_[sent_++ % frames_.size()];
            size = frame.size();
            for (const Packet& packet : frame) number(working_.emplace_back(packet));
        }
        std::span<Packet> rest = working_;
        for (std::size_t i = 0; i < batch; ++i) {
            working_frames_[i] = rest.first(sizes[i]);
            rest = rest.subspan(sizes[i]);
        }
    }

    void number(Packet& packet) {
        const transport::RtpHeader header{
            .payload_type = call::vp8_payload_type, .sequence = next_, .ssrc = video_ssrc};
        must(transport::write_rtp_header(header, packet.bytes), "cannot write a header");
        next_ += 1;
    }

    using Operation = srtp_err_status_t (*)(srtp_t, void*, int*);

    static void apply(Operation operation, srtp_t session, std::span<Packet> packets) {
        for (Packet& packet : packets) {
            const auto status = operation(session, packet.bytes.data(), &packet.size);
            require(status == srtp_err_status_ok, "libsrtp2 refused a packet");
        }
    }

    Session out_, in_;
    std::vector<std::vector<Packet>> frames_;
    std::vector<Packet> working_;  // this batch
    std::array<std::span<Packet>, batch> working_frames_{};
    std::size_t sent_ = 0;
    SequenceNumber next_{};
};

// In the steady state: after everything has been used once.
void count_allocations(FramePath& ours, BareSrtp& bare, Report& report) {
    constexpr int batches = 30;
    const auto count = [&](auto& path) {
        return allocations_of([&] {
            for (int i = 0; i < batches; ++i) path.run();
        });
    };
    const Allocations in_ours = count(ours);
    const Allocations in_bare = count(bare);
    const double frames = batches * static_cast<double>(batch);
    const double packets = frames * bare.packets_a_frame();
    report.add({.subject = subject,
                .name = "own allocations (operator new)",
                .unit = "a frame",
                .value = exactly(static_cast<double>(in_ours.own) / frames),
                .at_most = 0});
    if (!counts_foreign()) return;
    report.add({.subject = subject,
                .name = "mallocs in libsrtp2 and below it, through Sotto",
                .unit = "a packet",
                .value = exactly(static_cast<double>(in_ours.foreign) / packets)});
    report.add({.subject = subject,
                .name = "mallocs in libsrtp2 and below it, called directly",
                .unit = "a packet",
                .value = exactly(static_cast<double>(in_bare.foreign) / packets)});
}

}  // namespace

void measure_srtp_path(const Run& run) {
    const std::vector<Buffer> frames = run.scene.encoded(10 * Scene::frame_rate);
    const auto key = master_key();
    FramePath ours(frames, key);
    BareSrtp bare(frames, key);
    const auto halves = interleave<2>(run.budget, [&] { return ours.run_halves(); }, [&] { return bare.run_halves(); });
    const auto whole = interleave<1>(run.budget, [&] { return ours.run(); }, [&] { return bare.run(); });

    double bytes = 0;
    for (const Buffer& frame : frames) bytes += static_cast<double>(frame.size());
    char text[120];
    std::snprintf(text, sizeof(text), "a 640x360 frame of %.0f bytes in %.2f packets, at 30 frames/s",
                  bytes / static_cast<double>(frames.size()), bare.packets_a_frame());
    run.report.note(subject, text);
    run.report.add(subject, "packetise, protect, queue", "srtp_protect", halves[0]);
    run.report.add(subject, "unprotect, assemble, queue", "srtp_unprotect", halves[1]);
    run.report.add(subject, "all that is not codec, both sides", "srtp_protect and srtp_unprotect", whole[0], 1.25, 25);
    count_allocations(ours, bare, run.report);
}

}  // namespace sotto::bench
