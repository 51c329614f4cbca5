#include <memory>
#include <vector>

#include "bench/instructions/paths.h"
#include "bench/measure.h"
#include "call/audio_sender.h"
#include "call/receive_stream.h"
#include "call/video_sender.h"
#include "support/random.h"
#include "transport/audio_jitter_buffer.h"
#include "transport/video_jitter_buffer.h"
#include "transport/vp8_payload.h"

namespace sotto::bench {
namespace {

using namespace std::chrono_literals;
using transport::rtp_header_size;

constexpr Ssrc ssrc{0x5077u};
constexpr Instant start{100s};
constexpr std::size_t packet_size = 1100;  // RTP, before it is protected
constexpr std::size_t frame_packets = 12;
constexpr std::size_t frame_size = frame_packets * packet_size;

template <class Direction>
SrtpKey<Direction> same_key() {
    SrtpKey<Direction> key;
    test::SeededRandom(1).fill(key.fill());
    return key;
}

struct Datagram {
    alignas(8) std::array<std::byte, transport::max_datagram> bytes{};
    std::size_t size = 0;
};

// A stream of packets of `packet_size`, and its other end.
struct Streams {
    test::SeededRandom random{2};
    call::SendStream out =
        must(call::SendStream::create(same_key<Sending>(), {.ssrc = ssrc}, random), "cannot make a sending stream");
    call::ReceiveStream in = must(
        call::ReceiveStream::create(same_key<Receiving>(), {.ssrc = ssrc, .payload_types = {call::vp8_payload_type}}),
        "cannot make a receiving stream");
    std::uint32_t ticks = 0;
    SequenceNumber kept{};
    Datagram datagram;

    void keep() {
        random.fill(out.payload_room().first(packet_size - rtp_header_size));
        kept = out.keep(packet_size - rtp_header_size, call::vp8_payload_type, out.timestamp(ticks += 3000), true);
    }
    void protect() { datagram.size = must(out.depart(kept, datagram.bytes), "cannot protect"); }
    void unprotect() {
        const auto arrived =
            must(in.open_rtp(std::span(datagram.bytes).first(datagram.size), start), "cannot unprotect");
        require(arrived.packet.payload.size() == packet_size - rtp_header_size, "a packet changed");
    }
};

// Frames that only their first byte tells from any others (RFC 6386 §9.1: a key frame has its last bit clear).
struct Frames {
    std::vector<std::byte> bytes = std::vector<std::byte>(frame_size);
    std::array<Datagram, frame_packets> payloads{};
    std::uint16_t picture = 0;
    std::int64_t number = 0;
    transport::VideoJitterBuffer buffer{{}};

    Frames() { test::SeededRandom(3).fill(bytes); }

    void make() {
        bytes[0] = picture == 0 ? std::byte{0x10} : std::byte{0x11};
        transport::Vp8Packetizer packetizer(bytes, transport::max_media_payload, picture);
        picture = static_cast<std::uint16_t>((picture + 1) & 0x7fff);
        for (Datagram& payload : payloads) payload.size = must(packetizer.next(payload.bytes), "cannot packetise");
        require(packetizer.done(), "a frame makes more packets than it should");
    }

    void assemble() {
        const Instant now = start + number * 1ms;
        for (std::size_t i = 0; i < frame_packets; ++i) {
            const transport::RtpPacket packet{
                .header = {.marker = i + 1 == frame_packets, .timestamp = RtpTimestamp{picture * 3000u}},
                .payload = std::span(payloads[i].bytes).first(payloads[i].size)};
            must(buffer.insert(packet, number++, now), "cannot insert");
        }
        const auto frame = buffer.next(now);
        require(frame && frame->bytes.size() == frame_size, "a frame did not come out");
    }
};

// Blocks of 10 ms that come up to 4 ms late.
struct Sound {
    test::SeededRandom random{4};
    std::vector<std::byte> packet = std::vector<std::byte>(40);
    transport::AudioJitterBuffer buffer{{.block = 10ms}};
    std::int64_t number = 0;
    Instant arrival{};

    Sound() {
        random.fill(packet);
        packet[0] = std::byte{0xf0};  // RFC 6716 §3.1: CELT, fullband, one frame of 10 ms
    }

    void come() { arrival = start + number * 10ms + std::chrono::microseconds(random.below(4000)); }

    // Sound that is due before the block comes; then the block.
    void put_and_get() {
        while (buffer.deadline() < arrival) {
            const Instant due = buffer.deadline();
            while (buffer.next(due)) continue;
            require(buffer.play(due), "nothing was played");
        }
        const transport::RtpPacket rtp{.header = {.timestamp = RtpTimestamp{static_cast<std::uint32_t>(number * 480)}},
                                       .payload = packet};
        must(buffer.insert(rtp, number++, arrival), "cannot insert");
    }
};

}  // namespace

Path protect_path() {
    const auto streams = std::make_shared<Streams>();
    return {.prepare = [streams] { streams->keep(); }, .run = [streams] { streams->protect(); }};
}

Path unprotect_path() {
    const auto streams = std::make_shared<Streams>();
    return {.prepare = [streams] { streams->keep(), streams->protect(); }, .run = [streams] { streams->unprotect(); }};
}

Path packetise_path() {
    const auto frames = std::make_shared<Frames>();
    return {.prepare = [] {}, .run = [frames] { frames->make(); }};
}

Path assemble_path() {
    const auto frames = std::make_shared<Frames>();
    return {.prepare = [frames] { frames->make(); }, .run = [frames] { frames->assemble(); }};
}

Path audio_path() {
    const auto sound = std::make_shared<Sound>();
    return {.prepare = [sound] { sound->come(); }, .run = [sound] { sound->put_and_get(); }};
}

}  // namespace sotto::bench
