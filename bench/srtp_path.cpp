// Everything between the codecs, against libsrtp2's own calls for the same packets.
#include <srtp2/srtp.h>

#include <memory>

#include "bench/allocations.h"
#include "bench/subjects.h"
#include "call/arrival_stamps.h"
#include "call/receive_stream.h"
#include "call/video_sender.h"
#include "transport/nack.h"
#include "transport/video_jitter_buffer.h"
#include "transport/vp8_payload.h"

namespace sotto::bench {
namespace {

using transport::rtp_header_size;

constexpr const char* subject = "srtp path";
constexpr Ssrc ssrc{0x5077u};
constexpr std::size_t batch = 10;  // frames a time: all sent, then all received
constexpr Duration round_trip = std::chrono::milliseconds(100);

// Microseconds a frame.
using Whole = std::array<double, 1>;
using Halves = std::array<double, 2>;  // sender, receiver

double a_frame(double time) { return time / static_cast<double>(batch); }

std::array<std::byte, 44> master_key() {
    std::array<std::byte, 44> key{};
    system_random().fill(key);
    return key;
}

template <class Direction>
SrtpKey<Direction> as_key(const std::array<std::byte, 44>& bytes) {
    SrtpKey<Direction> key;
    std::ranges::copy(bytes, key.fill().begin());
    return key;
}

// The way of a frame from encoder to decoder: call/video_sender.cpp after encoding, call/rtp_session.cpp's handling
// of datagrams, call/video_receiver.cpp before decoding.
class SottoPath {
  public:
    SottoPath(const std::vector<Buffer>& frames, const std::array<std::byte, 44>& key)
        : frames_(frames),
          out_(must(call::SendStream::create(as_key<Sending>(key), {.ssrc = ssrc}, system_random()),
                    "cannot make a sending stream")),
          in_(must(call::ReceiveStream::create(as_key<Receiving>(key),
                                               {.ssrc = ssrc, .payload_types = {call::vp8_payload_type}}),
                   "cannot make a receiving stream")),
          buffer_(transport::VideoJitterBufferSettings{}) {}

    // Each frame is sent, then received.
    Whole run() {
        lay_out();
        std::size_t received = 0;
        const double time = timed([&] {
            for (std::size_t i = 0; i < batch; ++i) {
                send();
                received += receive();
            }
        });
        require(received == batch, "frames did not come out");
        return {a_frame(time)};
    }

    // All frames are sent, then all are received.
    Halves run_halves() {
        lay_out();
        const double sending = timed([&] {
            for (std::size_t i = 0; i < batch; ++i) send();
        });
        std::size_t received = 0;
        const double receiving = timed([&] { received = receive(); });
        require(received == batch, "frames did not come out");
        return {a_frame(sending), a_frame(receiving)};
    }

  private:
    // The next frames where the encoder would have left them.
    void lay_out() {
        working_.clear();
        for (std::size_t i = 0; i < batch; ++i) {
            const Buffer& frame = frames_[(sent_ + i) % frames_.size()];
            working_.insert(working_.end(), frame.begin(), frame.end());
        }
        rest_ = working_;
    }

    // VideoSender::send() from where the encoder has returned, and the client that takes the datagrams.
    void send() {
        const std::size_t number = sent_++;
        const Bytes frame = rest_.first(frames_[number % frames_.size()].size());
        rest_ = rest_.subspan(frame.size());
        const RtpTimestamp timestamp = out_.timestamp(Scene::timestamp(number));
        transport::Vp8Packetizer packetizer(frame, transport::max_media_payload, picture_id_);
        picture_id_ = static_cast<std::uint16_t>((picture_id_ + 1) & 0x7fff);
        SequenceNumber last{};
        while (!packetizer.done()) {
            const std::size_t size = must(packetizer.next(out_.payload_room()), "cannot packetise");
            last = out_.keep(size, call::vp8_payload_type, timestamp, packetizer.done());
            outbox_.push({.kind = call::Departure::Kind::video, .sequence = last});
        }
        const Instant now = Scene::captured(number);
        FrameTrace trace{.medium = Medium::video, .timestamp = timestamp.value};
        trace[Stage::packetised] = traces_.stamp(now);
        traces_.packetised(trace, last);
        while (const auto departure = outbox_.pop(true)) {
            Datagram& datagram = datagrams_[taken_++];
            traces_.leaves(Medium::video, departure->sequence, Stage::paced, now);
            datagram.size = must(out_.depart(departure->sequence, datagram.bytes), "cannot protect");
            traces_.leaves(Medium::video, departure->sequence, Stage::protect, now);
            traces_.leaves(Medium::video, departure->sequence, Stage::sent, now);
        }
    }

    // RtpSession::receive() and poll() for each datagram, down to where the decoder would be called.
    std::size_t receive() {
        const std::size_t before = received_;
        for (std::size_t i = 0; i < taken_; ++i) {
            const Instant now = Scene::captured(received_);
            std::copy_n(datagrams_[i].bytes.data(), datagrams_[i].size, scratch_.data());
            take(std::span(scratch_).first(datagrams_[i].size), now);
            while (const auto frame = next(now)) {
                const Buffer& original = frames_[received_++ % frames_.size()];
                require(frame->bytes.size() == original.size(), "a frame did not come out as it went in");
            }
        }
        taken_ = 0;
        return received_ - before;
    }

    void take(MutableBytes datagram, Instant now) {
        require(!transport::is_rtcp(datagram), "video taken for RTCP");
        const auto arrived = must(in_.open_rtp(datagram, now), "cannot unprotect");
        call::Arrival arrival{.received = now, .unprotected = traces_.stamp(now)};
        must(buffer_.insert(arrived.packet, arrived.extended, now), "cannot insert");
        nacks_.received(arrived.extended, now, std::chrono::milliseconds(5));
        arrival.assembled = traces_.stamp(now);
        arrivals_.note(arrived.packet.header.timestamp.value, arrival);
        require(nacks_.due(now, round_trip, asked_) == 0, "packets are missing");
    }

    std::optional<transport::AssembledFrame> next(Instant now) {
        const auto frame = buffer_.next(now);
        nacks_.forget_before(buffer_.first_wanted());
        if (!frame) return std::nullopt;
        FrameTrace trace{.medium = Medium::video, .timestamp = frame->timestamp.value};
        arrivals_.copy_to(trace);
        trace[Stage::dequeued] = traces_.stamp(now);
        traces_.decoded(trace);
        traces_.shown(Medium::video, now);
        return frame;
    }

    const std::vector<Buffer>& frames_;
    Buffer working_;  // this batch
    Bytes rest_{};
    std::size_t sent_ = 0;
    std::size_t received_ = 0;
    std::uint16_t picture_id_ = 0;
    call::SendStream out_;
    call::Outbox outbox_;
    call::ReceiveStream in_;
    transport::VideoJitterBuffer buffer_;
    transport::NackTracker nacks_;
    call::ArrivalStamps arrivals_;
    call::TraceLog traces_{nullptr};
    std::array<SequenceNumber, transport::max_nacks> asked_{};
    struct Datagram {
        alignas(8) std::array<std::byte, transport::max_datagram> bytes{};
        std::size_t size = 0;
    };
    std::array<Datagram, 256> datagrams_{};
    std::size_t taken_ = 0;
    alignas(8) std::array<std::byte, transport::max_datagram> scratch_{};
};

struct CloseSession {
    void operator()(srtp_t session) const { srtp_dealloc(session); }
};

// srtp_protect() and srtp_unprotect() in place, on the packets that SottoPath makes of the same frames;
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
    struct Packet {
        alignas(8) std::array<std::byte, transport::max_datagram> bytes{};
        int size = 0;
    };
    using Session = std::unique_ptr<srtp_ctx_t_, CloseSession>;

    // The same policy as transport/srtp.cpp.
    static Session open(std::array<std::byte, 44>& key) {
        srtp_policy_t policy{};
        srtp_crypto_policy_set_aes_gcm_256_16_auth(&policy.rtp);
        srtp_crypto_policy_set_aes_gcm_256_16_auth(&policy.rtcp);
        policy.ssrc = {.type = ssrc_specific, .value = ssrc.value};
        policy.key = reinterpret_cast<unsigned char*>(key.data());
        policy.window_size = 1024;
        srtp_t session = nullptr;
        require(srtp_create(&session, &policy) == srtp_err_status_ok, "cannot make an SRTP session");
        return Session(session);
    }

    static std::vector<Packet> packetise(Bytes frame) {
        std::vector<Packet> packets;
        transport::Vp8Packetizer packetizer(frame, transport::max_media_payload, 0);
        while (!packetizer.done()) {
            Packet& packet = packets.emplace_back();
            const MutableBytes room = packet.bytes;
            const std::size_t size =
                must(packetizer.next(room.subspan(rtp_header_size, transport::max_media_payload)), "cannot packetise");
            packet.size = static_cast<int>(rtp_header_size + size);
        }
        return packets;
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
        const transport::RtpHeader header{.payload_type = call::vp8_payload_type, .sequence = next_, .ssrc = ssrc};
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
void count_allocations(SottoPath& ours, BareSrtp& bare, Report& report) {
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
    SottoPath ours(frames, key);
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
