// Sound's jitter buffer, the congestion controller's feedback, and repair packets.
#include <benchmark/benchmark.h>

#include "bench/measure.h"
#include "sotto/random.h"
#include "transport/audio_jitter_buffer.h"
#include "transport/clock_sync.h"
#include "transport/congestion/arrival_log.h"
#include "transport/congestion/rate_controller.h"
#include "transport/congestion/sent_log.h"
#include "transport/fec.h"

namespace sotto::bench {
namespace {

using namespace transport;
using namespace std::chrono_literals;

// A block comes in and has its turn.
void audio_block(benchmark::State& state) {
    AudioJitterBuffer buffer({});
    Buffer payload(80);
    payload[0] = std::byte{0x08};  // 20 ms (RFC 6716 §3.1)
    std::int64_t number = 0;
    Instant now{1s};
    for ([[maybe_unused]] auto _ : state) {
        const RtpPacket packet{.header = {.sequence = SequenceNumber(static_cast<std::uint16_t>(number)),
                                          .timestamp = RtpTimestamp(static_cast<std::uint32_t>(number * 960))},
                               .payload = payload};
        must(buffer.insert(packet, number++, now), "insert");
        while (buffer.deadline() <= now) {
            if (const auto turn = buffer.next(now)) benchmark::DoNotOptimize(*turn);
            if (!buffer.play(now)) break;
        }
        now += 20ms;
    }
    require(buffer.concealed() < 10, "blocks did not have their turn");
}
BENCHMARK(audio_block)->Name("audio jitter buffer/block in, turn out");

constexpr Ssrc audio{1}, video{2}, repair{3};
constexpr std::array streams{audio, video, repair};

// A report of so many packets: looked up among those sent, and taken by the controller.
void feedback(benchmark::State& state) {
    ArrivalLog arrivals(streams);
    SentLog sent(streams);
    RateController controller(RateSettings{});
    std::uint16_t number = 0;
    Instant now{1s};
    CongestionFeedback report;
    std::size_t told = 0;
    for ([[maybe_unused]] auto _ : state) {
        state.PauseTiming();
        for (std::int64_t i = 0; i < state.range(0); ++i) {
            now += 50ms / state.range(0);
            sent.sent(video, SequenceNumber{number}, 1100, now);
            controller.sent(now);
            arrivals.received(video, SequenceNumber{number}, 1100, now + 20ms);
            ++number;
        }
        arrivals.fill(report, now + 20ms, to_ntp((now + 20ms).time_since_epoch()));
        state.ResumeTiming();
        const auto results = sent.results(report, now + 40ms);
        controller.feedback(results, now + 40ms, sent.round_trip().value_or(40ms));
        told += results.size();
        benchmark::DoNotOptimize(controller.target());
    }
    require(told == static_cast<std::size_t>(state.iterations() * state.range(0)), "packets were not told of");
}
BENCHMARK(feedback)->Name("congestion/feedback on packets")->Arg(5)->Arg(20)->Arg(60);

// Packets of a window, but for the lost ones.
struct Window final : FecSources {
    std::vector<Buffer> payloads;
    std::vector<bool> here;  // by number

    explicit Window(std::size_t count) : payloads(count, Buffer(1100)), here(count, true) {
        for (Buffer& payload : payloads) system_random().fill(payload);
    }
    FecSource source(std::size_t number) const {
        return {.sequence = SequenceNumber(static_cast<std::uint16_t>(number)), .payload = payloads[number]};
    }
    std::optional<FecSource> find(std::int64_t extended) const override {
        const auto number = static_cast<std::size_t>(extended);
        if (number >= here.size() || !here[number]) return std::nullopt;
        return source(number);
    }
    std::vector<FecSource> sources() const {
        std::vector<FecSource> all;
        for (std::size_t i = 0; i < payloads.size(); ++i) all.push_back(source(i));
        return all;
    }
};

void fec_protect(benchmark::State& state) {
    const Window window(static_cast<std::size_t>(state.range(0)));
    const auto sources = window.sources();
    std::array<std::byte, max_rtp_payload> out{};
    for (std::uint16_t own = 0; [[maybe_unused]] auto _ : state) {
        benchmark::DoNotOptimize(must(write_fec(sources, SequenceNumber{own++}, out), "protect"));
    }
}
BENCHMARK(fec_protect)->Name("fec/protect/packets")->Arg(3)->Arg(10)->Arg(40);

// So many packets lost of ten, and brought back by as many repair packets.
void fec_recover(benchmark::State& state) {
    constexpr std::size_t packets = 10;
    Window window(packets);
    const auto sources = window.sources();
    std::vector<Buffer> repairs;
    for (std::int64_t i = 0; i < state.range(0); ++i) {
        Buffer& out = repairs.emplace_back(max_rtp_payload);
        out.resize(must(write_fec(sources, SequenceNumber(static_cast<std::uint16_t>(i)), out), "protect"));
    }
    for ([[maybe_unused]] auto _ : state) {
        state.PauseTiming();
        FecDecoder decoder;
        std::fill_n(window.here.begin(), state.range(0), false);
        state.ResumeTiming();
        for (std::size_t i = 0; i < repairs.size(); ++i) {
            must(decoder.insert(repairs[i], SequenceNumber(static_cast<std::uint16_t>(i)), packets - 1), "insert");
        }
        for (std::int64_t back = 0; back < state.range(0); ++back) {
            const auto recovered = decoder.next(window);
            require(recovered && recovered->payload.size() == 1100, "nothing was brought back");
            window.here[static_cast<std::size_t>(recovered->extended)] = true;
        }
    }
}
BENCHMARK(fec_recover)->Name("fec/recover/packets")->Arg(1)->Arg(3);

}  // namespace
}  // namespace sotto::bench
