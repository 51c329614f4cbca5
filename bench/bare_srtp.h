// libsrtp2's own calls for the packets of frames, without anything around them.
#pragma once

#include <srtp2/srtp.h>

#include <memory>

#include "bench/frame_path.h"

namespace sotto::bench {

struct CloseSession {
    void operator()(srtp_t session) const { srtp_dealloc(session); }
};

// srtp_protect() and srtp_unprotect() in place, on the packets that FramePath makes of the same frames;
// laying the packets out and numbering them is not timed.
class BareSrtp {
  public:
    BareSrtp(const std::vector<Buffer>& frames, std::array<std::byte, 44> key)
        : originals_(frames), out_(open(key)), in_(open(key)) {
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

    // As FramePath's.
    template <class Before, class After>
    Whole run_between(Before&& before, After&& after) {
        double time = 0;
        for (std::size_t i = 0; i < batch; ++i) {
            const std::size_t frame = sent_ % frames_.size();
            before();
            lay_out(1);
            time += timed([&] {
                apply(srtp_protect, out_.get(), working_);
                apply(srtp_unprotect, in_.get(), working_);
            });
            after(originals_[frame]);
        }
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

    void lay_out(std::size_t count = batch) {
        working_.clear();
        std::array<std::size_t, batch> sizes{};
        for (std::size_t& size : std::span(sizes).first(count)) {
            const std::vector<Packet>& frame = frames_[sent_++ % frames_.size()];
            size = frame.size();
            for (const Packet& packet : frame) number(working_.emplace_back(packet));
        }
        std::span<Packet> rest = working_;
        for (std::size_t i = 0; i < count; ++i) {
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

    const std::vector<Buffer>& originals_;
    Session out_, in_;
    std::vector<std::vector<Packet>> frames_;
    std::vector<Packet> working_;  // this batch
    std::array<std::span<Packet>, batch> working_frames_{};
    std::size_t sent_ = 0;
    SequenceNumber next_{};
};

}  // namespace sotto::bench
