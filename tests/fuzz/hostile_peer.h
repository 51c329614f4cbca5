// A peer that holds the keys and says what it likes: its packets are authentic, their contents are the program's.
#pragma once

#include "base/byte_writer.h"
#include "call/rtp_session.h"
#include "fuzz/picture.h"
#include "transport/vp8_payload.h"

namespace sotto::fuzz {

class HostilePeer {
  public:
    void step(Program& program) {
        switch (program.u8() % 8) {
            case 0: send_rtp(audio_, program); break;
            case 1: send_rtp(video_, program); break;
            case 2: send_rtp(repair_, program); break;
            case 3: send_rtcp(audio_, program); break;
            case 4: send_rtcp(video_, program); break;
            case 5: now_ += program.milliseconds() * 8; break;
            case 6: repeat_last(program); break;
            default: talk();
        }
        poll();
    }

  private:
    // Our packets are numbered from 0 on, so that a program can name them.
    struct Zeros final : Random {
        void fill(MutableBytes out) override { std::ranges::fill(out, std::byte{0}); }
    };
    // One of the peer's three streams.
    struct Stream {
        Ssrc ssrc;
        transport::SrtpSender srtp;
        std::uint16_t sequence = 0x7ff0;
        std::uint32_t timestamp = 0;
    };
    using Datagram = std::array<std::byte, transport::max_datagram + 64>;  // somewhat too long, if the program wants

    // First byte, second byte, steps of sequence number and time stamp, then as much as it says of all that
    // follows the fixed header: CSRCs, extension, payload, padding.
    void send_rtp(Stream& stream, Program& program) {
        const auto first = static_cast<std::uint8_t>(0x80 | (program.u8() & 0x3f));
        const std::uint8_t second = program.u8();
        const int step = program.i8();
        stream.sequence = static_cast<std::uint16_t>(stream.sequence + (step > 120 ? step * 250 : step));
        stream.timestamp += static_cast<std::uint32_t>(program.i8() * 480);
        alignas(8) Datagram room{};
        ByteWriter packet(MutableBytes(room).first(room.size() - transport::srtcp_overhead));
        packet.u8(first).u8(second).u16(stream.sequence).u32(stream.timestamp).u32(stream.ssrc.value);
        const Bytes body = program.bytes(program.u16() % 1300);
        if (!is_large_picture(body)) send(room, packet.bytes(body), stream, &transport::SrtpSender::protect_rtp);
    }

    // First byte, packet type, then as much as it says from behind the first SSRC on.
    void send_rtcp(Stream& stream, Program& program) {
        const auto first = static_cast<std::uint8_t>(0x80 | (program.u8() & 0x3f));
        const std::uint8_t type = program.u8();
        alignas(8) Datagram room{};
        ByteWriter packet(MutableBytes(room).first(room.size() - transport::srtcp_overhead));
        packet.u8(first).u8(type).u16(program.u8()).u32(stream.ssrc.value);
        packet.bytes(program.bytes(program.u16() % 1300));
        send(room, packet, stream, &transport::SrtpSender::protect_rtcp);
    }

    void send(Datagram& room, const ByteWriter& packet, Stream& stream, auto protect) {
        const auto length = (stream.srtp.*protect)(room, packet.size());
        if (!length) return;  // no peer can protect this one
        last_ = to_buffer(Bytes(room).first(*length));
        receive(last_);
    }

    // What came twice, or is no packet of the peer's, is refused.
    void repeat_last(Program& program) {
        if (!last_.empty()) check(!receive(last_));
        const Buffer foreign = tampered(last_, program.bytes(program.u8()));
        if (foreign != last_) check(!receive(foreign));
    }

    bool receive(Bytes datagram) {
        const std::uint64_t refused = stats().refused.total();
        const bool received = session_->receive(datagram, now_).has_value();
        check(stats().refused.total() == refused + (received ? 0 : 1));
        return received;
    }

    void talk() {
        static constexpr std::array<std::int16_t, 960> silence{};
        now_ += std::chrono::milliseconds(20);
        check(session_->send(AudioBlock{.samples = silence, .captured = now_}, now_).has_value());
        static constexpr std::array<std::uint8_t, 256> grey{};
        const VideoFrame frame{.width = 16,
                               .height = 16,
                               .planes = {Plane{grey.data(), 16}, Plane{grey.data(), 8}, Plane{grey.data(), 8}},
                               .captured = now_};
        check(session_->send(frame, now_).has_value());
    }

    // Everything there is to do at one instant comes to an end.
    void poll() {
        for (int outputs = 0; const auto output = session_->poll(now_); ++outputs) {
            check(outputs < 8192);
            if (const auto* datagram = std::get_if<sotto::Datagram>(&*output)) {
                check(!datagram->bytes.empty() && datagram->bytes.size() <= transport::max_datagram);
            }
            if (const auto* shown = std::get_if<ShownFrame>(&*output)) read_all(shown->picture);
            if (const auto* played = std::get_if<PlayedBlock>(&*output)) {
                check(played->block.frames() >= 240 && played->block.frames() <= 960 + 720);
            }
        }
        check(session_->deadline() > now_);
        check(stats().memory <= memory_ + transport::max_received_frame_size);
        while (session_->trace()) continue;
    }

    bool is_large_picture(Bytes body) const {
        const auto payload = transport::parse_vp8(body);
        return payload && is_large(payload->data);
    }

    CallStats stats() const {
        CallStats stats;
        session_->add_to(stats);
        return stats;
    }

    static crypto::Generation keys(crypto::Role role) { return {{}, 0, {}, role}; }

    static Stream stream(SrtpKey<Sending>&& key, Ssrc ssrc) {
        return {.ssrc = ssrc, .srtp = std::move(*transport::SrtpSender::create(std::move(key), ssrc))};
    }

    static constexpr Ssrc our_audio{1}, our_video{2}, our_repair{5}, their_audio{3}, their_video{4}, their_repair{6};
    Zeros random_;
    Instant now_{std::chrono::seconds(1000)};
    crypto::EpochKeys<Sending> their_keys_ = *keys(crypto::Role::caller).sending.next();
    Stream audio_ = stream(std::move(their_keys_.audio), their_audio);
    Stream video_ = stream(std::move(their_keys_.video), their_video);
    Stream repair_ = stream(std::move(their_keys_.repair), their_repair);
    std::unique_ptr<call::RtpSession> session_ = std::move(*call::RtpSession::create(
        call::MediaEpochs(keys(crypto::Role::callee), {}, {}, now_),
        {.audio = true, .video = true, .audio_ssrc = our_audio, .video_ssrc = our_video, .repair_ssrc = our_repair},
        {.audio = true,
         .video = true,
         .audio_ssrc = their_audio,
         .video_ssrc = their_video,
         .repair_ssrc = their_repair},
        {.audio_block_ms = 20, .video_width = 16, .video_height = 16}, random_, now_));
    std::size_t memory_ = stats().memory;
    Buffer last_;
};

}  // namespace sotto::fuzz
