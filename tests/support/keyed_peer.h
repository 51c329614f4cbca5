// A peer that holds the keys of a call's media and says what it likes, and the side that has to bear it.
#pragma once

#include <map>
#include <vector>

#include "base/byte_reader.h"
#include "base/byte_writer.h"
#include "call/rtp_session.h"
#include "support/moving_scene.h"
#include "support/random.h"
#include "transport/vp8_payload.h"

namespace sotto::test {

class KeyedPeer {
  public:
    static constexpr Ssrc our_audio{1}, our_video{2}, our_repair{5}, its_audio{3}, its_video{4}, its_repair{6};

    explicit KeyedPeer(std::uint64_t seed) : random(seed) {}

    // One of the peer's streams: what it sends is numbered as it likes.
    struct Stream {
        Ssrc ssrc;
        transport::SrtpSender srtp;
        std::uint16_t sequence = 0;
        std::uint32_t timestamp = 0;
    };
    // What went out of the side under attack.
    struct Sent {
        std::uint64_t datagrams = 0, bytes = 0, rtcp = 0;
        struct Rtp {
            std::uint64_t packets = 0, bytes = 0;
        };
        std::map<std::uint32_t, Rtp> rtp{};  // by SSRC
    };

    // An RTP packet of the stream with its present number and time stamp. False if it was refused.
    bool rtp(Stream& stream, PayloadType type, bool marker, Bytes payload) {
        alignas(8) std::array<std::byte, transport::max_datagram> packet{};
        const auto written = transport::write_rtp_header({.marker = marker,
                                                          .payload_type = type,
                                                          .sequence = SequenceNumber{stream.sequence},
                                                          .timestamp = RtpTimestamp{stream.timestamp},
                                                          .ssrc = stream.ssrc},
                                                         packet);
        std::ranges::copy(payload, packet.begin() + static_cast<std::ptrdiff_t>(*written));
        const auto length = stream.srtp.protect_rtp(packet, *written + payload.size());
        return length && session->receive(Bytes(packet).first(*length), now);
    }
    bool rtcp(Stream& stream, Bytes compound) {
        alignas(8) std::array<std::byte, transport::max_datagram> packet{};
        std::ranges::copy(compound, packet.begin());
        const auto length = stream.srtp.protect_rtcp(packet, compound.size());
        return length && session->receive(Bytes(packet).first(*length), now);
    }
    bool rtcp(Stream& stream, transport::RtcpOutgoing report) {
        report.sender = stream.ssrc;
        std::array<std::byte, transport::max_datagram - transport::srtcp_overhead> room{};
        const auto written = transport::write_rtcp(report, room);
        return written && rtcp(stream, Bytes(room).first(*written));
    }
    // A small picture that decodes on its own, in one packet or some.
    void picture() {
        const auto scene = test::scene(pictures_, 64, 64);
        const auto encoded =
            encoder_.encode(scene.view(now), static_cast<std::uint64_t>(pictures_) * 3000, {.key = true});
        transport::Vp8Packetizer packets(*encoded, transport::max_media_payload,
                                         static_cast<std::uint16_t>(pictures_ & 0x7fff));
        ++pictures_;
        video.timestamp += 3000;
        std::array<std::byte, transport::max_media_payload> payload{};
        while (!packets.done()) {
            const auto size = packets.next(payload);
            rtp(video, PayloadType{96}, packets.done(), Bytes(payload).first(*size));
            ++video.sequence;
        }
    }
    // What came of our newest pictures, and when (RFC 8888).
    void tell_arrivals() {
        constexpr int told = 60;
        transport::CongestionFeedback feedback;
        feedback.timestamp =
            static_cast<std::uint32_t>(now.time_since_epoch() / std::chrono::microseconds(1) * 65536 / 1'000'000);
        feedback.begin(our_video, SequenceNumber{static_cast<std::uint16_t>(newest_video - told + 1)});
        for (int back = told - 1; back >= 0; --back) {
            const Duration age = now - arrived_[static_cast<std::uint16_t>(newest_video - back)];
            const bool came = age >= Duration{} && age < std::chrono::seconds(2);
            feedback.add(
                came ? transport::arrived_before(static_cast<std::uint16_t>(age / std::chrono::microseconds(977)))
                     : transport::not_received);
        }
        rtcp(video, {.congestion = &feedback, .reduced = true});
    }
    // The side under attack talks and shows itself; the peer sends a picture each 40 ms if it is honest by then.
    void talk(Duration duration, bool honest) {
        for (const Instant end = now + duration; now < end; now += std::chrono::milliseconds(20)) {
            static constexpr std::array<std::int16_t, 960> silence{};
            static_cast<void>(session->send(AudioBlock{.samples = silence, .captured = now}, now));
            if (turn_++ % 2 == 0) {
                if (honest) {
                    picture();
                    tell_arrivals();
                }
                const VideoFrame frame = scene_.view(now);
                static_cast<void>(session->send(frame, now));
            }
            poll();
        }
    }
    // All that there is to do at this instant; gives the outputs.
    int poll() {
        int outputs = 0;
        for (; const auto output = session->poll(now); ++outputs) {
            if (const auto* datagram = std::get_if<Datagram>(&*output)) count(datagram->bytes);
            shown += std::holds_alternative<ShownFrame>(*output) ? 1 : 0;
            if (outputs > 100'000) std::abort();  // no end of it
        }
        most_outputs = std::max(most_outputs, outputs);
        return outputs;
    }
    CallStats stats() const {
        CallStats stats;
        session->add_to(stats);
        return stats;
    }

  private:
    static crypto::Generation keys(crypto::Role role) { return {{}, 0, {}, role}; }
    static Stream stream(SrtpKey<Sending>&& key, Ssrc ssrc) {
        return {.ssrc = ssrc, .srtp = std::move(*transport::SrtpSender::create(std::move(key), ssrc))};
    }
    void count(Bytes datagram) {
        ++sent.datagrams;
        sent.bytes += datagram.size();
        if (transport::is_rtcp(datagram)) {
            ++sent.rtcp;
            return;
        }
        const std::uint32_t ssrc = *ByteReader(datagram.subspan(8)).u32();
        ++sent.rtp[ssrc].packets;
        sent.rtp[ssrc].bytes += datagram.size();
        if (ssrc != our_video.value) return;
        newest_video = *ByteReader(datagram.subspan(2)).u16();
        arrived_[newest_video] = now;
    }

    crypto::EpochKeys<Sending> its_keys_ = *keys(crypto::Role::caller).sending.next();
    codec::Vp8Encoder encoder_ = std::move(*codec::Vp8Encoder::create({.width = 64, .height = 64, .bitrate = 200'000}));
    codec::I420Buffer scene_ = test::scene(0, 640, 360);
    int pictures_ = 0;
    int turn_ = 0;
    std::vector<Instant> arrived_ = std::vector<Instant>(65536);  // by number

  public:
    SeededRandom random;
    Instant now{std::chrono::seconds(1000)};
    Stream audio = stream(std::move(its_keys_.audio), its_audio);
    Stream video = stream(std::move(its_keys_.video), its_video);
    Stream repair = stream(std::move(its_keys_.repair), its_repair);
    std::unique_ptr<call::RtpSession> session = std::move(*call::RtpSession::create(
        call::MediaEpochs(keys(crypto::Role::callee), {}, {}, now),
        {.audio = true, .video = true, .audio_ssrc = our_audio, .video_ssrc = our_video, .repair_ssrc = our_repair},
        {.audio = true, .video = true, .audio_ssrc = its_audio, .video_ssrc = its_video, .repair_ssrc = its_repair},
        {.audio_block_ms = 20}, random, now));
    Sent sent{};
    std::uint16_t newest_video = 0;  // number of what the side under attack sent
    int shown = 0, most_outputs = 0;
};

}  // namespace sotto::test
