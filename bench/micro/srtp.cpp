// Protecting and unprotecting one packet, by its payload's size. There is one profile: AEAD_AES_256_GCM.
#include <benchmark/benchmark.h>

#include "bench/measure.h"
#include "call/packet_cipher.h"
#include "sotto/random.h"
#include "transport/srtp.h"

namespace sotto::bench {
namespace {

constexpr Ssrc ssrc{1};

struct alignas(8) Packet : std::array<std::byte, transport::max_datagram> {};

struct Streams {
    std::array<std::byte, 44> key = [] {
        call::choose_packet_cipher();
        std::array<std::byte, 44> bytes{};
        system_random().fill(bytes);
        return bytes;
    }();
    transport::SrtpSender sender = must(transport::SrtpSender::create(as_key<Sending>(), ssrc), "no sender");
    transport::SrtpReceiver receiver = must(transport::SrtpReceiver::create(as_key<Receiving>(), ssrc), "no receiver");
    SequenceNumber next{};
    std::uint64_t made = 0;

    template <class Direction>
    SrtpKey<Direction> as_key() const {
        SrtpKey<Direction> copy;
        std::ranges::copy(key, copy.fill().begin());
        return copy;
    }
    std::size_t write(Packet& packet, std::size_t payload) {
        must(transport::write_rtp_header({.sequence = next, .ssrc = ssrc}, packet), "no header");
        next += 1;
        ++made;
        return transport::rtp_header_size + payload;
    }
    // A key protects a million packets: before that, others.
    void renew_in_time(benchmark::State& state) {
        if (made < 900'000) return;
        state.PauseTiming();
        *this = Streams();
        state.ResumeTiming();
    }
};

void protect(benchmark::State& state) {
    Streams streams;
    Packet packet{};
    const auto payload = static_cast<std::size_t>(state.range(0));
    for ([[maybe_unused]] auto _ : state) {
        streams.renew_in_time(state);
        benchmark::DoNotOptimize(must(streams.sender.protect_rtp(packet, streams.write(packet, payload)), "protect"));
    }
    state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(protect)->Name("srtp/AES-256-GCM/protect")->Arg(100)->Arg(500)->Arg(1100);

// A hundred packets are protected, then unprotected in the time that counts.
void unprotect(benchmark::State& state) {
    constexpr std::size_t packets = 100;
    Streams streams;
    std::vector<Packet> sealed(packets);
    std::array<std::size_t, packets> sizes{};
    const auto payload = static_cast<std::size_t>(state.range(0));
    for (std::size_t at = packets; [[maybe_unused]] auto _ : state) {
        if (at == packets) {
            state.PauseTiming();
            if (streams.made > 900'000) streams = Streams();
            for (at = 0; at < packets; ++at) {
                sizes[at] = must(streams.sender.protect_rtp(sealed[at], streams.write(sealed[at], payload)), "protect");
            }
            at = 0;
            state.ResumeTiming();
        }
        const MutableBytes packet = std::span(sealed[at]).first(sizes[at]);
        benchmark::DoNotOptimize(must(streams.receiver.unprotect_rtp(packet), "unprotect"));
        ++at;
    }
    state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(unprotect)->Name("srtp/AES-256-GCM/unprotect")->Arg(100)->Arg(500)->Arg(1100);

}  // namespace
}  // namespace sotto::bench
