// A VP8 frame cut into packets, and packets put back into a frame, by their number.
#include <benchmark/benchmark.h>

#include "bench/measure.h"
#include "sotto/random.h"
#include "transport/video_jitter_buffer.h"

namespace sotto::bench {
namespace {

using namespace transport;

// As an encoder might have left it: the P bit, first of the frame (RFC 6386 §9.1), says whether it is a key frame.
Buffer frame_of(std::size_t packets, bool key) {
    Buffer frame(packets * (max_media_payload - vp8_descriptor_size) - 10 * packets);
    system_random().fill(frame);
    frame[0] = (frame[0] & std::byte{0xfe}) | (key ? std::byte{0} : std::byte{1});
    return frame;
}

void packetise(benchmark::State& state) {
    const Buffer frame = frame_of(static_cast<std::size_t>(state.range(0)), true);
    std::array<std::byte, max_media_payload> room{};
    for ([[maybe_unused]] auto _ : state) {
        Vp8Packetizer packetizer(frame, max_media_payload, 1);
        std::int64_t packets = 0;
        for (; !packetizer.done(); ++packets) benchmark::DoNotOptimize(must(packetizer.next(room), "packetise"));
        require(packets == state.range(0), "another number of packets");
        benchmark::ClobberMemory();
    }
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(frame.size()));
}
BENCHMARK(packetise)->Name("vp8/packetise/packets")->Arg(1)->Arg(3)->Arg(10)->Arg(40);

// Parsed, inserted in order and assembled: what the receiver does with a frame's packets once they are open.
void assemble(benchmark::State& state) {
    const auto packets = static_cast<std::size_t>(state.range(0));
    const Buffer key = frame_of(packets, true), other = frame_of(packets, false);
    std::vector<std::array<std::byte, max_media_payload>> payloads(packets);
    std::vector<std::size_t> sizes(packets);
    VideoJitterBuffer buffer(VideoJitterBufferSettings{});
    std::int64_t number = 0;
    std::uint16_t picture = 0;
    Instant now{};
    for ([[maybe_unused]] auto _ : state) {
        state.PauseTiming();
        Vp8Packetizer packetizer(Bytes(number == 0 ? key : other), max_media_payload, picture++ & 0x7fff);
        for (std::size_t i = 0; i < packets; ++i) sizes[i] = must(packetizer.next(payloads[i]), "packetise");
        now += std::chrono::milliseconds(33);
        state.ResumeTiming();
        for (std::size_t i = 0; i < packets; ++i, ++number) {
            const RtpPacket packet{.header = {.marker = i + 1 == packets,
                                              .sequence = SequenceNumber(static_cast<std::uint16_t>(number)),
                                              .timestamp = RtpTimestamp(picture * 3000u)},
                                   .payload = Bytes(payloads[i]).first(sizes[i])};
            must(buffer.insert(packet, number, now), "insert");
        }
        const auto frame = buffer.next(now);
        require(frame && frame->bytes.size() == key.size(), "no frame");
    }
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(key.size()));
}
BENCHMARK(assemble)->Name("vp8/assemble/packets")->Arg(1)->Arg(3)->Arg(10)->Arg(40);

}  // namespace
}  // namespace sotto::bench
