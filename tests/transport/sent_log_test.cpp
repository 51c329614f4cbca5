#include "transport/congestion/sent_log.h"

#include <doctest/doctest.h>

#include <map>
#include <numeric>
#include <set>

#include "support/random.h"
#include "transport/clock_sync.h"
#include "transport/congestion/arrival_log.h"

using namespace sotto;
using namespace sotto::transport;
using namespace std::chrono_literals;

namespace {

constexpr std::array<Ssrc, 3> streams{{{10}, {11}, {12}}};
constexpr Instant start{100s};
constexpr Duration peer_clock = 777s;  // what the peer's clock shows at `start`

// What the peer says at `now` of consecutive numbers of one stream: how long ago each came; nothing: missing.
CongestionFeedback report(Instant now, std::uint16_t first, std::initializer_list<std::optional<Duration>> ages,
                          Ssrc ssrc = streams[0]) {
    CongestionFeedback feedback;
    feedback.timestamp = to_ntp(now - start + peer_clock).middle();
    feedback.begin(ssrc, SequenceNumber{first});
    for (const auto age : ages) {
        feedback.add(age ? arrived_before(static_cast<std::uint16_t>(age->count() * 1024 / 1'000'000'000))
                         : not_received);
    }
    return feedback;
}

// Ten packets of 100 bytes, one each 10 ms from `start` on.
SentLog ten_sent(std::uint16_t first = 0) {
    SentLog log(streams);
    for (std::uint16_t i = 0; i < 10; ++i) {
        log.sent(streams[0], SequenceNumber{static_cast<std::uint16_t>(first + i)}, 100, start + i * 10ms);
    }
    return log;
}

constexpr auto missing = std::nullopt;

}  // namespace

TEST_CASE("packets that left by one reading of the clock are told of in the order in which they left") {
    for (const bool sound_first : {true, false}) {
        CAPTURE(sound_first);
        SentLog log(streams);
        const Ssrc first = streams[sound_first ? 0 : 1], second = streams[sound_first ? 1 : 0];
        for (std::uint16_t i = 0; i < 3; ++i) {
            log.sent(first, SequenceNumber{i}, 100, start + i * 10ms);
            log.sent(second, SequenceNumber{i}, 100, start + i * 10ms);
        }
        CongestionFeedback told = report(start + 50ms, 0, {40ms, 30ms, 20ms}, first);
        told.begin(second, SequenceNumber{0});
        for (const Duration age : {39ms, 29ms, 19ms}) {
            told.add(arrived_before(static_cast<std::uint16_t>(age / 1ms * 1024 / 1000)));
        }
        const auto results = log.results(told, start + 80ms);
        REQUIRE(results.size() == 6);
        for (std::size_t i = 0; i < 6; ++i) {
            CHECK(results[i].ssrc == (i % 2 == 0 ? first : second));
            CHECK(results[i].sequence.value == i / 2);
            CHECK(results[i].sent - start < static_cast<int>(i / 2) * 10ms + 1us);
        }
    }
}

TEST_CASE("an acknowledged packet is told of once, with what we know of its sending and the peer's time of arrival") {
    SentLog log = ten_sent(65535);
    CHECK(log.bytes_in_flight() == 1000);
    const Instant told = start + 250ms, heard = start + 300ms;
    const auto results = log.results(report(told, 65535, {125ms, 62500us}), heard);
    REQUIRE(results.size() == 2);
    CHECK(results[0].ssrc == streams[0]);
    CHECK(results[0].sequence.value == 65535);
    CHECK(results[1].sequence.value == 0);
    CHECK(results[0].size == 100);
    CHECK(results[0].sent == start);
    CHECK(results[1].sent == start + 10ms);
    CHECK(results[1].arrived.value() - results[0].arrived.value() == 62500us);
    CHECK(log.round_trip().value() == heard - (start + 10ms) - 62500us);
    CHECK(log.bytes_in_flight() == 800);
    CHECK(log.results(report(told + 10ms, 65535, {135ms, 72500us}), heard + 10ms).empty());
    CHECK_FALSE(log.round_trip());
    CHECK(log.counts().impossible == 0);
}

TEST_CASE("a packet is lost when three later ones of its stream have come") {
    SentLog log = ten_sent();
    CHECK(log.results(report(start + 100ms, 0, {60ms, missing, 50ms, 40ms}), start + 150ms).size() == 3);
    const auto results = log.results(report(start + 120ms, 4, {10ms}), start + 160ms);
    REQUIRE(results.size() == 2);
    CHECK(results[0].sequence.value == 1);
    CHECK_FALSE(results[0].arrived);
    CHECK(results[1].sequence.value == 4);
    CHECK(log.counts().lost == 1);
    CHECK(log.bytes_in_flight() == 500);
}

TEST_CASE("a packet is lost when two reports leave it out though a later one has come") {
    SentLog log = ten_sent();
    CHECK(log.results(report(start + 100ms, 0, {60ms, missing, 50ms}), start + 150ms).size() == 2);
    const auto results = log.results(report(start + 125ms, 0, {85ms, missing, 75ms}), start + 175ms);
    REQUIRE(results.size() == 1);
    CHECK(results[0].sequence.value == 1);
    CHECK_FALSE(results[0].arrived);
}

TEST_CASE("a packet that was only overtaken is not called lost") {
    SentLog log = ten_sent();
    CHECK(log.results(report(start + 100ms, 0, {60ms, missing, 50ms, 40ms}), start + 150ms).size() == 3);
    const auto results = log.results(report(start + 125ms, 0, {85ms, 5ms, 75ms, 65ms}), start + 175ms);
    REQUIRE(results.size() == 1);
    CHECK(results[0].sequence.value == 1);
    CHECK(results[0].arrived);
    CHECK(log.counts().lost == 0);
}

TEST_CASE("what no later packet has overtaken is not missing yet") {
    SentLog log = ten_sent();
    for (int i = 0; i < 5; ++i) {
        const Instant now = start + 150ms + i * 25ms;
        CHECK(log.results(report(now, 0, {missing, missing, missing}), now).empty());
    }
    CHECK(log.bytes_in_flight() == 1000);
}

TEST_CASE("one that comes after it was called lost is counted and told of no more") {
    SentLog log = ten_sent();
    CHECK(log.results(report(start + 100ms, 0, {missing, 50ms, 40ms, 30ms}), start + 150ms).size() == 4);
    CHECK(log.results(report(start + 125ms, 0, {1ms, 75ms, 65ms, 55ms}), start + 175ms).empty());
    CHECK(log.counts().too_late == 1);
    CHECK(log.counts().lost == 1);
}

TEST_CASE("an overtaken report adds its arrivals and no losses") {
    SentLog log = ten_sent();
    CHECK(log.results(report(start + 150ms, 1, {90ms, missing, 60ms}), start + 200ms).size() == 2);
    const auto results = log.results(report(start + 100ms, 0, {60ms, 40ms, missing, 10ms}), start + 201ms);
    REQUIRE(results.size() == 1);
    CHECK(results[0].sequence.value == 0);
    CHECK(log.counts().impossible == 0);
}

TEST_CASE("results of several streams ascend by the time of sending") {
    SentLog log(streams);
    CongestionFeedback feedback;
    feedback.timestamp = to_ntp(1s).middle();
    for (std::uint16_t i = 0; i < 30; ++i) log.sent(streams[(i * 7U) % 3], SequenceNumber{i}, 50, start + i * 1ms);
    for (const Ssrc ssrc : streams) {
        feedback.begin(ssrc, SequenceNumber{0});
        for (std::uint16_t i = 0; i < 30; ++i)
            feedback.add(streams[(i * 7U) % 3] == ssrc ? arrived_before(5) : not_received);
    }
    const auto results = log.results(feedback, start + 100ms);
    REQUIRE(results.size() == 30);
    for (std::uint16_t i = 0; i < 30; ++i) CHECK(results[i].sequence.value == i);
}

TEST_CASE("impossible reports are ignored and counted") {
    SentLog log = ten_sent();
    const Instant now = start + 100ms;
    SUBCASE("an arrival before the packet was sent") {
        CHECK(log.results(report(now, 0, {1s}), now).empty());
        CHECK(log.counts().impossible == 1);
    }
    SUBCASE("numbers that were never sent") {
        CHECK(log.results(report(now, 10, {1ms, 1ms}), now).empty());
        CHECK(log.results(report(now, 30000, {1ms}), now).empty());
        CHECK(log.counts().impossible == 3);
    }
    SUBCASE("another's stream") {
        CHECK(log.results(report(now, 0, {1ms}, Ssrc{99}), now).empty());
        CHECK(log.counts().impossible == 1);
    }
    SUBCASE("an arrival that is taken back, or moved") {
        CHECK(log.results(report(now, 0, {20ms, 10ms}), now).size() == 2);
        CHECK(log.results(report(now + 25ms, 0, {missing, 35ms}), now + 25ms).empty());
        CHECK(log.counts().impossible == 1);
        CHECK(log.results(report(now + 50ms, 1, {3ms}), now + 50ms).empty());
        CHECK(log.counts().impossible == 2);
    }
    SUBCASE("a stream named twice in a report") {
        CongestionFeedback twice = report(now, 0, {20ms, missing, 10ms});
        twice.begin(streams[0], SequenceNumber{0});
        for (int i = 0; i < 3; ++i) twice.add(not_received);
        CHECK(log.results(twice, now).size() == 2);
        CHECK(log.counts().impossible == 1);
    }
    CHECK(log.counts().lost == 0);
}

TEST_CASE("an arrival without its time is known, and told of no more than a time could be") {
    SentLog log = ten_sent();
    CongestionFeedback feedback = report(start + 100ms, 0, {});
    feedback.add(arrived_before(offset_unavailable));
    feedback.add(arrived_before(offset_over_range));
    CHECK(log.results(feedback, start + 100ms).empty());
    CHECK(log.counts().untimed == 1);
    CHECK(log.counts().impossible == 1);
    CHECK(log.bytes_in_flight() == 900);
}

TEST_CASE("arrival times go on where the report's time stamp begins anew and where the peer's clock leaps") {
    SentLog log = ten_sent();
    const auto at = [&](std::uint32_t timestamp, std::uint16_t number, Instant now) {
        CongestionFeedback feedback;
        feedback.timestamp = timestamp;
        feedback.begin(streams[0], SequenceNumber{number});
        feedback.add(arrived_before(0));
        const auto results = log.results(feedback, now);
        REQUIRE(results.size() == 1);
        return *results[0].arrived;
    };
    const Duration first = at(0xffff8000, 0, start + 100ms);
    CHECK(at(0x8000, 1, start + 1100ms) - first == 1s);
    CHECK(at(0x7fffffff, 2, start + 1200ms) - first == 1100ms);
    CHECK(at(0x10, 3, start + 1300ms) - first == 1200ms);
    CHECK(log.counts().clock_leaps == 2);
}

TEST_CASE("what no report mentions for two seconds is forgotten, and not called lost") {
    SentLog log = ten_sent();
    log.expire(start + 2s + 45ms);
    CHECK(log.counts().unreported == 5);
    CHECK(log.bytes_in_flight() == 500);
    CHECK(log.results(report(start + 2100ms, 0, {10ms, missing}), start + 2100ms).empty());
    CHECK(log.counts().too_late == 1);
    CHECK(log.counts().lost == 0);
    log.expire(start - 1h);  // the clock went back
    CHECK(log.bytes_in_flight() == 0);
}

TEST_CASE("more packets than the log holds push out the oldest, whatever leaps their numbers make") {
    test::SeededRandom random(3);
    SentLog log(streams);
    const std::size_t most = std::reduce(SentLog::capacities.begin(), SentLog::capacities.end());
    std::uint16_t number = 0;
    for (int i = 0; i < 100'000; ++i) {
        log.sent(streams[random.below(3)], SequenceNumber{number}, 100, start);
        number = static_cast<std::uint16_t>(number + 1 + (random.chance(0.01) ? random.below(65536) : 0));
        REQUIRE(log.bytes_in_flight() <= most * 100);
    }
    log.expire(start + 3s);
    CHECK(log.bytes_in_flight() == 0);
    CHECK(log.memory() < 40 * 1024);
}

TEST_CASE("over a link that loses and reorders, what the peer's log tells is what happened") {
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
        CAPTURE(seed);
        test::SeededRandom random(seed);
        SentLog sent(streams);
        ArrivalLog arrived(streams);
        struct OnTheWay {
            std::uint16_t number = 0;
            std::size_t stream = 0;
        };
        std::multimap<Instant, OnTheWay> packets;
        std::multimap<Instant, CongestionFeedback> reports;
        std::map<std::pair<std::size_t, std::uint16_t>, Instant> truth;
        std::set<std::pair<std::size_t, std::uint16_t>> told;
        std::array<std::uint16_t, 3> next{65000, 5, 100};
        bool lost_last = false;
        std::size_t wrong = 0, lost = 0, false_losses = 0;
        std::optional<Duration> clocks;  // the peer's time line less ours
        for (Instant now = start; now < start + 20s; now += 1ms) {
            const std::size_t stream = random.below(3);
            if (now < start + 19s) {
                const OnTheWay packet{next[stream]++, stream};
                sent.sent(streams[stream], SequenceNumber{packet.number}, 500, now);
                if (!random.chance(0.05)) packets.emplace(now + 20ms + random.below(4) * 1ms, packet);
            }
            for (; !packets.empty() && packets.begin()->first <= now; packets.erase(packets.begin())) {
                const OnTheWay packet = packets.begin()->second;
                truth[{packet.stream, packet.number}] = now;
                arrived.received(streams[packet.stream], SequenceNumber{packet.number}, 500, now);
            }
            if (arrived.due(now)) {
                CongestionFeedback feedback;
                arrived.fill(feedback, now, to_ntp(now - start + peer_clock));
                // No two in a row are lost, so that the overlap makes up for each.
                lost_last = !lost_last && random.chance(0.3);
                if (!lost_last) reports.emplace(now + 20ms, feedback);
            }
            for (; !reports.empty() && reports.begin()->first <= now; reports.erase(reports.begin())) {
                for (const PacketResult& result : sent.results(reports.begin()->second, now)) {
                    const auto which =
                        static_cast<std::size_t>(std::ranges::find(streams, result.ssrc) - streams.begin());
                    REQUIRE(told.insert({which, result.sequence.value}).second);
                    const auto real = truth.find({which, result.sequence.value});
                    if (!result.arrived) {
                        ++lost;
                        false_losses += real != truth.end() ? 1 : 0;
                        continue;
                    }
                    REQUIRE(real != truth.end());
                    if (!clocks) clocks = *result.arrived - real->second.time_since_epoch();
                    const Duration error = *result.arrived - *clocks - real->second.time_since_epoch();
                    wrong += std::max(error, -error) > 1ms + 20us ? 1 : 0;
                }
            }
        }
        CHECK(wrong == 0);
        CHECK(false_losses == 0);
        CHECK(lost > 700);
        CHECK(lost < 1200);
        CHECK(sent.counts().impossible == 0);
        CHECK(sent.counts().arrived > 17'500);
        CHECK(sent.bytes_in_flight() < 200 * 500);
    }
}
