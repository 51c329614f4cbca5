// The way of a frame from encoder to decoder through Sotto, for whoever measures it beside another.
#pragma once

#include "bench/measure.h"
#include "bench/scene.h"
#include "call/arrival_stamps.h"
#include "call/receive_stream.h"
#include "call/video_sender.h"
#include "sotto/random.h"
#include "transport/nack.h"
#include "transport/video_jitter_buffer.h"
#include "transport/vp8_payload.h"

namespace sotto::bench {

inline constexpr Ssrc video_ssrc{0x5077u};

// Microseconds a frame.
using Whole = std::array<double, 1>;
using Halves = std::array<double, 2>;  // sender, receiver

inline constexpr std::size_t batch = 10;  // frames a time

inline double a_frame(double time) { return time / static_cast<double>(batch); }

// An SRTP master key and salt.
inline std::array<std::byte, 44> master_key() {
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
class FramePath {
  public:
    FramePath(const std::vector<Buffer>& frames, const std::array<std::byte, 44>& key)
        : frames_(frames),
          out_(must(call::SendStream::create(as_key<Sending>(key), {.ssrc = video_ssrc}, system_random()),
                    "cannot make a sending stream")),
          in_(must(call::ReceiveStream::create(as_key<Receiving>(key),
                                               {.ssrc = video_ssrc, .payload_types = {call::vp8_payload_type}}),
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

    // The same with work of somebody else's around each frame, which is not timed but leaves its traces in the caches.
    // The frame itself is there as if an encoder had just left it.
    template <class Before, class After>
    Whole run_between(Before&& before, After&& after) {
        double time = 0;
        for (std::size_t i = 0; i < batch; ++i) {
            before();
            lay_out(1);
            time += timed([&] {
                send();
                require(receive() == 1, "a frame did not come out");
            });
            after(frames_[(received_ - 1) % frames_.size()]);
        }
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
    void lay_out(std::size_t count = batch) {
        if (out_.packets_under_key() > most_under_key) change_key();
        working_.clear();
        for (std::size_t i = 0; i < count; ++i) {
            const Buffer& frame = frames_[(sent_ + i) % frames_.size()];
            working_.insert(working_.end(), frame.begin(), frame.end());
        }
        rest_ = working_;
    }

    // As a call does before a key has served for 2^20 packets; all of those have arrived.
    void change_key() {
        const MediaEpoch before = epoch_;
        ++epoch_.epoch;
        const auto key = master_key();
        must(in_.add_key(as_key<Receiving>(key), epoch_), "cannot take a new key");
        must(out_.rekey(as_key<Sending>(key), epoch_), "cannot change the key");
        in_.drop_key(before);
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
        while (const auto departure = outbox_.pop(true, now)) {
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

    static constexpr std::uint64_t most_under_key = std::uint64_t{1} << 19;
    static constexpr Duration round_trip = std::chrono::milliseconds(100);

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
    MediaEpoch epoch_{};
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

// An RTP packet with room for what protects it.
struct PlainPacket {
    alignas(8) std::array<std::byte, transport::max_datagram> bytes{};
    int size = 0;
};

// The packets that FramePath makes of a frame, but for their headers.
inline std::vector<PlainPacket> packetise(Bytes frame) {
    std::vector<PlainPacket> packets;
    transport::Vp8Packetizer packetizer(frame, transport::max_media_payload, 0);
    while (!packetizer.done()) {
        PlainPacket& packet = packets.emplace_back();
        const MutableBytes room = packet.bytes;
        const std::size_t size =
            must(packetizer.next(room.subspan(transport::rtp_header_size, transport::max_media_payload)),
                 "cannot packetise");
        packet.size = static_cast<int>(transport::rtp_header_size + size);
    }
    return packets;
}

}  // namespace sotto::bench
