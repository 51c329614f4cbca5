// Packets that arrive and blocks that are played, in virtual time: what a jitter buffer makes of a network.
#pragma once

#include <doctest/doctest.h>

#include <map>
#include <vector>

#include "support/random.h"
#include "transport/audio_jitter_buffer.h"

namespace sotto::test::playout {

using namespace sotto::transport;
using namespace std::chrono_literals;

inline constexpr Duration block = 20ms;
inline const Instant start{100s};
inline const Buffer opus_packet{std::byte{0x08}, std::byte{1}, std::byte{2}};        // SILK, 20 ms
inline const Buffer short_opus_packet{std::byte{0x00}, std::byte{1}, std::byte{2}};  // SILK, 10 ms
inline const Buffer packet_with_fec{std::byte{0x08}, std::byte{0x40}, std::byte{2}};

inline Result<void> insert(AudioJitterBuffer& buffer, std::int64_t number, Instant now, Bytes payload = opus_packet) {
    const std::int64_t samples = payload[0] == std::byte{0} ? 480 : 960;
    const RtpPacket rtp{.header = {.timestamp = RtpTimestamp{static_cast<std::uint32_t>(number * samples)}},
                        .payload = payload};
    return buffer.insert(rtp, number, now);
}

struct Sent {
    std::int64_t number = 0;
    Instant sent{};
    Instant arrives{};  // Instant::max() if lost
    bool with_fec = false;
};

// Packets by arrival, played in virtual time.
struct Run {
    int played = 0, decoded = 0, recovered = 0, late = 0;
    Duration delay{};  // of the last block decoded, from when it was sent
    Duration largest_delay{};
    Duration longest_gap{};                   // between two blocks decoded
    std::map<std::int64_t, Duration> delays;  // of each block decoded
    Duration largest_target{};
};

// As the time scaler would on a voice of 125 Hz.
inline void scale(AudioJitterBuffer& buffer, const AudioTurn& turn) {
    if (turn.scale == AudioTurn::Scale::keep) return;
    const std::int64_t period = turn.scale_limit < 384 ? 0 : 384;
    buffer.scaled(turn.scale == AudioTurn::Scale::shorten ? -period : period);
}

inline Run play(AudioJitterBuffer& buffer, const std::vector<Sent>& packets, Duration length = block) {
    std::multimap<Instant, Sent> arrivals;
    std::map<std::int64_t, Instant> sent;
    for (const Sent& packet : packets) {
        sent[packet.number] = packet.sent;
        if (packet.arrives != Instant::max()) arrivals.emplace(packet.arrives, packet);
    }
    Run run;
    Instant last_decoded = never;
    auto next = arrivals.begin();
    while (next != arrivals.end() || buffer.deadline() != never) {
        const bool packet_first = next != arrivals.end() && next->first <= buffer.deadline();
        if (packet_first) {
            const Buffer& plain = length == block ? opus_packet : short_opus_packet;
            const Buffer& payload = next->second.with_fec ? packet_with_fec : plain;
            if (!insert(buffer, next->second.number, next->first, payload)) ++run.late;
            REQUIRE(buffer.deadline() >= next->first);
            run.largest_target = std::max(run.largest_target, buffer.target());
            ++next;
            continue;
        }
        const Instant now = buffer.deadline();
        while (const auto turn = buffer.next(now)) {
            const std::int64_t samples = length / 1ms * 48;
            const Duration held_before = (buffer.held() - samples) * 1s / 48000;
            scale(buffer, *turn);
            if (turn->kind == AudioTurn::Kind::recover) ++run.recovered;
            if (turn->kind != AudioTurn::Kind::decode) continue;
            ++run.decoded;
            const auto number = static_cast<std::int64_t>(turn->timestamp.value / samples);
            run.delay = now + held_before - sent.at(number);
            run.delays[number] = run.delay;
            run.largest_delay = std::max(run.largest_delay, run.delay);
            if (last_decoded != never) run.longest_gap = std::max(run.longest_gap, now - last_decoded);
            last_decoded = now;
        }
        REQUIRE(buffer.play(now));
        ++run.played;
    }
    return run;
}

template <class Arrival>  // Arrival(number) -> when it arrives; Instant::max() if lost
Run play(AudioJitterBuffer& buffer, std::int64_t from, std::int64_t count, Duration sender_block, Arrival arrival) {
    std::vector<Sent> packets;
    for (std::int64_t n = from; n < from + count; ++n) packets.push_back({n, start + n * sender_block, arrival(n)});
    return play(buffer, packets);
}

inline Duration uniform(test::SeededRandom& random, Duration limit) {
    return std::chrono::microseconds(random.below(static_cast<std::size_t>(limit / 1us) + 1));
}

// The share of `packets` decoded, in hundredths.
inline std::int64_t percent_decoded(const Run& run, std::int64_t from, std::int64_t count) {
    const auto decoded = std::distance(run.delays.lower_bound(from), run.delays.lower_bound(from + count));
    return 100 * decoded / count;
}

}  // namespace sotto::test::playout
