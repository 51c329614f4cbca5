#include <memory>
#include <vector>

#include "bench/instructions/paths.h"
#include "bench/measure.h"
#include "bench/session_pair.h"
#include "call/sending_budget.h"
#include "support/random.h"
#include "transport/clock_sync.h"
#include "transport/congestion/arrival_log.h"
#include "transport/fec.h"

namespace sotto::bench {
namespace {

using namespace std::chrono_literals;

constexpr Instant start{100s};

// A picture stream at 3 Mbit/s over a path without a queue, and the peer's reports of fifty packets each.
struct Feedback {
    static constexpr int packets = 50;
    static constexpr std::size_t packet_size = 1125;
    static constexpr call::StreamOffer streams{.audio_ssrc = {1}, .video_ssrc = {2}, .repair_ssrc = {3}};
    call::SendingBudget budget{streams, {.video_bitrate = 3'000'000}};
    transport::ArrivalLog arrivals{std::array{streams.audio_ssrc, streams.video_ssrc, streams.repair_ssrc}};
    test::SeededRandom random{5};
    SequenceNumber next{};
    Instant now = start;
    transport::CongestionFeedback told;

    void send() {
        for (int i = 0; i < packets; ++i, next += 1, now += 3ms) {
            budget.sent_rtp(streams.video_ssrc, next, packet_size, now);
            const Instant arrival = now + 20ms + std::chrono::microseconds(random.below(500));
            arrivals.received(streams.video_ssrc, next, packet_size, arrival);
        }
        now += 40ms;
        told = {};
        arrivals.fill(told, now - 20ms, transport::to_ntp(now - 20ms - start));
    }
    void hear() { budget.feedback(told, now, 40ms); }
};

// A window of ten packets of 1100 bytes each.
struct Window {
    static constexpr std::size_t packets = 10;
    std::vector<std::byte> bytes = std::vector<std::byte>(packets * 1100);
    std::array<transport::FecSource, packets> sources{};
    std::array<std::byte, transport::max_rtp_payload> out{};
    SequenceNumber own{};

    Window() {
        test::SeededRandom(6).fill(bytes);
        for (std::size_t i = 0; i < packets; ++i) {
            sources[i] = {.sequence = SequenceNumber{static_cast<std::uint16_t>(i)},
                          .timestamp = RtpTimestamp{3000},
                          .marker = i + 1 == packets,
                          .payload = std::span(bytes).subspan(i * 1100, 1100)};
        }
    }
    void repair() {
        must(transport::write_fec(sources, own, out), "cannot repair");
        own += 1;
    }
};

}  // namespace

Path congestion_path() {
    const auto feedback = std::make_shared<Feedback>();
    return {.prepare = [feedback] { feedback->send(); }, .run = [feedback] { feedback->hear(); }};
}

// Signals of 256 bytes in one chain, which a message back has answered: it carries no KEM key.
Path ratchet_path() {
    const auto random = std::make_shared<test::SeededRandom>(7);
    const auto pair = std::make_shared<SessionPair>(*random);
    const auto signal = std::make_shared<Buffer>(256);
    pair->round_trip(*signal);
    return {.prepare = [] {}, .run = [random, pair, signal] { pair->send(End::alice, *signal); }};
}

Path repair_path() {
    const auto window = std::make_shared<Window>();
    return {.prepare = [] {}, .run = [window] { window->repair(); }};
}

}  // namespace sotto::bench
