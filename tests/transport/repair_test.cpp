#include <doctest/doctest.h>

#include <algorithm>
#include <deque>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "support/ivf.h"
#include "support/random.h"
#include "transport/nack.h"
#include "transport/send_history.h"
#include "transport/sequence.h"
#include "transport/video_jitter_buffer.h"
#include "transport/vp8_payload.h"

using namespace sotto;
using namespace sotto::transport;
using namespace std::chrono_literals;

namespace {

const Instant start{5s};
constexpr Duration round_trip = 40ms;
constexpr Duration wait = 5ms;

std::vector<std::uint16_t> due(NackTracker& tracker, Instant now) {
    std::array<SequenceNumber, max_nacks> out;
    const std::size_t count = tracker.due(now, round_trip, out);
    std::vector<std::uint16_t> numbers;
    for (std::size_t i = 0; i < count; ++i) numbers.push_back(out[i].value);
    return numbers;
}

}  // namespace

TEST_CASE("a gap is asked for after a wait, again each round trip, and given up after its tries") {
    NackTracker tracker;
    tracker.received(65536 + 65534, start, wait);
    tracker.received(65536 + 65537, start, wait);
    CHECK(tracker.deadline() == start + wait);
    CHECK(due(tracker, start + wait - 1ns).empty());
    const Instant asked = start + wait;
    CHECK(due(tracker, asked) == std::vector<std::uint16_t>{65535, 0});
    CHECK(due(tracker, asked + 39ms).empty());
    CHECK(tracker.deadline() == asked + round_trip);
    tracker.received(65536 + 65535, asked + 39ms, wait);
    for (int i = 1; i < NackTracker::max_tries; ++i) {
        CHECK(due(tracker, asked + i * round_trip) == std::vector<std::uint16_t>{0});
    }
    CHECK(due(tracker, asked + NackTracker::max_tries * round_trip).empty());
    CHECK(tracker.given_up() == 1);
    CHECK(tracker.deadline() == never);
}

TEST_CASE("what was only overtaken is never asked for") {
    NackTracker tracker;
    tracker.received(65536, start, wait);
    tracker.received(65538, start, wait);
    tracker.received(65537, start + wait - 1ns, wait);
    CHECK(due(tracker, start + wait).empty());
    CHECK(tracker.deadline() == never);
}

TEST_CASE("a huge jump gives up what is out of reach without walking it") {
    NackTracker tracker;
    tracker.received(100, start, wait);
    tracker.received(100 + (std::int64_t{1} << 40), start, wait);
    CHECK(tracker.missing() == 256);
    CHECK(tracker.given_up() == (std::uint64_t{1} << 40) - 1 - 256);
    CHECK(due(tracker, start + wait).size() == max_nacks);
    tracker.forget_before(200 + (std::int64_t{1} << 40));
    CHECK(tracker.missing() == 0);
}

TEST_CASE("history finds what was sent, by number, until it is overwritten") {
    SendHistory history(100, 20);
    CHECK(history.capacity() == 100);
    for (std::uint32_t i = 65500; i < 65500 + 200; ++i) {
        const SequenceNumber number{static_cast<std::uint16_t>(i)};
        const MutableBytes room = history.prepare(number);
        REQUIRE(room.size() == 20);
        room[0] = static_cast<std::byte>(i);
        history.commit({.sequence = number, .timestamp = RtpTimestamp{i}}, 1);
    }
    CHECK_FALSE(history.find(SequenceNumber{65500}));
    const auto kept = history.find(SequenceNumber{static_cast<std::uint16_t>(65500 + 199)});
    REQUIRE(kept);
    CHECK(kept->header.timestamp.value == 65500 + 199);
    REQUIRE(kept->payload.size() == 1);
    CHECK(kept->payload[0] == static_cast<std::byte>((65500 + 199) & 0xff));
}

TEST_CASE("a packet is sent again once a round trip") {
    SendHistory history(4, 20);
    history.prepare(SequenceNumber{7});
    history.commit({.sequence = SequenceNumber{7}}, 10);
    CHECK(history.retransmit(SequenceNumber{7}, start, round_trip));
    CHECK_FALSE(history.retransmit(SequenceNumber{7}, start + 39ms, round_trip));
    CHECK(history.retransmit(SequenceNumber{7}, start + 40ms, round_trip));
    CHECK_FALSE(history.retransmit(SequenceNumber{8}, start, round_trip));
}

TEST_CASE("sequence numbers extend over wraps, forwards and backwards") {
    SequenceUnwrapper unwrapper;
    CHECK(unwrapper.unwrap(SequenceNumber{65534}) == 65536 + 65534);
    CHECK(unwrapper.unwrap(SequenceNumber{1}) == 65536 + 65537);
    CHECK(unwrapper.unwrap(SequenceNumber{65535}) == 65536 + 65535);
    CHECK(unwrapper.peek(SequenceNumber{2}) == 65536 + 65538);
}

TEST_CASE("VP8 conformance streams survive a lossy, shuffling, duplicating link byte for byte") {
    const std::filesystem::path folder = std::filesystem::path(SOTTO_VECTORS) / "vp8";
    if (!std::filesystem::exists(folder)) {
        MESSAGE("skipped: no VP8 vectors");
        return;
    }
    int streams = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        if (entry.path().extension() != ".ivf") continue;
        ++streams;
        CAPTURE(entry.path().filename().string());
        test::SeededRandom random(9);
        VideoJitterBuffer buffer({.packets = 256, .max_frame = 256 * 1024, .give_up = 10s});
        NackTracker tracker;
        struct Sent {
            std::int64_t number;
            RtpPacket packet;
            Buffer payload;
        };
        std::vector<Sent> sent;
        std::deque<std::size_t> network;
        std::vector<Buffer> frames;
        std::size_t given = 0;
        Instant now = start;
        const auto deliver = [&](std::size_t index) {
            Sent& packet = sent[index];
            packet.packet.payload = packet.payload;
            if (buffer.insert(packet.packet, packet.number, now)) tracker.received(packet.number, now, 0ms);
            while (const auto frame = buffer.next(now)) {
                REQUIRE(given < frames.size());
                CHECK(to_buffer(frame->bytes) == frames[given]);
                ++given;
                tracker.forget_before(buffer.first_wanted());
            }
            std::array<SequenceNumber, max_nacks> asked;
            const std::size_t count = tracker.due(now, 1ms, asked);
            for (std::size_t i = 0; i < count; ++i) {
                for (std::size_t s = sent.size(); s-- > 0;) {
                    if (static_cast<std::uint16_t>(sent[s].number) != asked[i].value) continue;
                    network.push_back(s);
                    break;
                }
            }
        };
        for (const Buffer& frame : test::ivf_frames(entry.path())) {
            frames.push_back(frame);
            Vp8Packetizer packetizer(frames.back(), max_media_payload,
                                     static_cast<std::uint16_t>(frames.size() & 0x7fff));
            while (!packetizer.done()) {
                Buffer payload(max_media_payload);
                payload.resize(*packetizer.next(payload));
                const auto ticks = static_cast<std::uint32_t>(frames.size() * 3000);
                sent.push_back({static_cast<std::int64_t>(65536 + 65000 + sent.size()),
                                {.header = {.marker = packetizer.done(), .timestamp = RtpTimestamp{ticks}}},
                                std::move(payload)});
                // The stream is joined at its first frame, so that one comes whole.
                if (frames.size() == 1)
                    deliver(sent.size() - 1);
                else if (!random.chance(0.1))
                    network.push_back(sent.size() - 1);
                if (random.chance(0.05)) network.push_back(sent.size() - 1);
            }
            while (network.size() > 10) {
                now += 1ms;
                const std::size_t pick = random.below(6);
                const std::size_t index = network[pick];
                network.erase(network.begin() + static_cast<std::ptrdiff_t>(pick));
                deliver(index);
            }
        }
        // The last packet always comes, so that every gap before it shows.
        network.push_back(sent.size() - 1);
        while (!network.empty()) {
            now += 1ms;
            const std::size_t index = network.front();
            network.pop_front();
            deliver(index);
        }
        CHECK(given == frames.size());
    }
    CHECK(streams > 10);
}
