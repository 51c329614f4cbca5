#include "transport/congestion/arrival_log.h"

#include <doctest/doctest.h>

#include "support/random.h"
#include "transport/clock_sync.h"

using namespace sotto;
using namespace sotto::transport;
using namespace std::chrono_literals;

namespace {

constexpr std::array<Ssrc, 3> streams{{{10}, {11}, {12}}};
constexpr Instant start{1s};

struct Receiver {
    ArrivalLog log{streams};
    Instant now = start;

    void received(int sequence, std::size_t stream = 0, std::size_t size = 1000) {
        log.received(streams[stream], SequenceNumber{static_cast<std::uint16_t>(sequence)}, size, now);
    }
    CongestionFeedback report() {
        CongestionFeedback feedback;
        log.fill(feedback, now, to_ntp(now - start));
        return feedback;
    }
};

// One letter a metric: arrived or missing.
std::string letters(const CongestionFeedback& feedback, std::size_t stream = 0) {
    std::string text;
    for (const PacketMetric metric : feedback.metrics(feedback.streams()[stream]))
        text += metric.received() ? 'a' : '-';
    return text;
}

}  // namespace

TEST_CASE("a report tells when each packet arrived, in 1/1024 s before the report, and which numbers are missing") {
    Receiver receiver;
    receiver.received(65535);
    receiver.now += 500ms;
    receiver.received(1);
    receiver.now += 500ms;
    receiver.received(3, 2);
    const CongestionFeedback report = receiver.report();
    CHECK(report.timestamp == 0x10000);
    REQUIRE(report.streams().size() == 2);
    CHECK(report.streams()[0].ssrc == streams[0]);
    CHECK(report.streams()[0].first.value == 65535);
    const auto metrics = report.metrics(report.streams()[0]);
    REQUIRE(metrics.size() == 3);
    CHECK(metrics[0] == arrived_before(1024));
    CHECK(metrics[1] == not_received);
    CHECK(metrics[2] == arrived_before(512));
    CHECK(report.streams()[1].ssrc == streams[2]);
    CHECK(report.streams()[1].first.value == 3);
    CHECK(report.metrics(report.streams()[1])[0] == arrived_before(0));
}

TEST_CASE("each report repeats what the one before told, and no more") {
    Receiver receiver;
    receiver.received(1);
    receiver.received(3);
    CHECK(letters(receiver.report()) == "a-a");
    receiver.received(4);
    CHECK(letters(receiver.report()) == "a-aa");
    receiver.received(5);
    const CongestionFeedback third = receiver.report();
    CHECK(third.streams()[0].first.value == 4);
    CHECK(letters(third) == "aa");
    CHECK(letters(receiver.report()) == "a");
    CHECK(receiver.report().streams().empty());
}

TEST_CASE("a packet that comes after it was reported missing is told of, twice too") {
    Receiver receiver;
    for (const int number : {1, 3, 4}) receiver.received(number);
    CHECK(letters(receiver.report()) == "a-aa");
    receiver.received(5);
    CHECK(letters(receiver.report()) == "a-aaa");
    receiver.received(2);
    CHECK(letters(receiver.report()) == "aaaa");
    receiver.received(6);
    CHECK(letters(receiver.report()) == "aaaaa");
    CHECK(letters(receiver.report()) == "a");
}

TEST_CASE("of a packet that comes twice the first arrival counts") {
    Receiver receiver;
    receiver.received(7);
    receiver.now += 1000ms;
    receiver.received(7);
    const CongestionFeedback report = receiver.report();
    CHECK(report.metrics(report.streams()[0])[0] == arrived_before(1024));
}

TEST_CASE("reports come every 25 ms while a twentieth of the traffic pays for them, else every 100 ms") {
    for (const std::size_t size : {std::size_t{1200}, std::size_t{60}}) {
        CAPTURE(size);
        Receiver receiver;
        int reports = 0;
        std::size_t came = 0, reported = 0;
        for (std::uint16_t i = 0; i < 1000; ++i, receiver.now += 10ms) {
            receiver.received(i, 0, size);
            came += size;
            if (!receiver.log.due(receiver.now)) continue;
            ++reports;
            reported += 42 + 2 * receiver.report().metric_count;
        }
        if (size == 1200) {
            CHECK(reports >= 300);
            CHECK(reports <= 400);
            CHECK(reported * 20 <= came);
        } else {
            CHECK(reports >= 99);
            CHECK(reports <= 101);
        }
    }
}

TEST_CASE("no report is due while nothing comes, and the first packet after a pause is reported at once") {
    Receiver receiver;
    CHECK(receiver.log.deadline() == never);
    receiver.received(1);
    CHECK(receiver.log.deadline() == start + ArrivalLog::shortest_interval);
    receiver.now += 30ms;
    static_cast<void>(receiver.report());
    CHECK(receiver.log.deadline() == never);
    receiver.now += 1s;
    receiver.received(2);
    CHECK(receiver.log.due(receiver.now));
}

TEST_CASE("where the way back is narrow reports wait for the least interval, the first one and the default do not") {
    Receiver receiver;
    receiver.log.set_least_interval(400ms);
    receiver.received(1);
    CHECK(receiver.log.deadline() == start + ArrivalLog::shortest_interval);
    receiver.now += 30ms;
    static_cast<void>(receiver.report());
    const Instant told = receiver.now;
    for (int i = 2; i < 40; ++i, receiver.now += 5ms) receiver.received(i);  // more than pays for one
    CHECK(receiver.log.deadline() == told + 400ms);
    receiver.now = told + 400ms;
    CHECK(letters(receiver.report()).ends_with(std::string(38, 'a')));
    receiver.log.set_least_interval({});
    for (int i = 40; i < 80; ++i) receiver.received(i);
    CHECK(receiver.log.deadline() == receiver.now + ArrivalLog::shortest_interval);
    receiver.log.set_least_interval(ArrivalLog::shortest_interval / 2);  // never more often
    CHECK(receiver.log.deadline() == receiver.now + ArrivalLog::shortest_interval);
}

TEST_CASE("a clock that goes back an hour does not silence the reports for an hour") {
    Receiver receiver;
    receiver.received(1);
    static_cast<void>(receiver.report());
    receiver.now -= 1h;
    receiver.received(2);
    CHECK(receiver.log.deadline() <= receiver.now + ArrivalLog::longest_interval);
}

TEST_CASE("a report holds 256 metrics, and the busiest stream gives way") {
    Receiver receiver;
    for (std::uint16_t i = 0; i < 250; ++i) receiver.received(i, 1);
    for (std::uint16_t i = 0; i < 20; ++i) receiver.received(i, 0);
    for (std::uint16_t i = 0; i < 90; ++i) receiver.received(i, 2);
    const CongestionFeedback report = receiver.report();
    CHECK(report.metric_count == max_packet_metrics);
    CHECK(report.streams()[0].count == 20);
    CHECK(report.streams()[1].count == 146);
    CHECK(report.streams()[1].first.value == 104);  // the newest
    CHECK(report.streams()[2].count == 90);
}

TEST_CASE("a hundred thousand leaps of the sequence number neither grow a report nor make it lie") {
    test::SeededRandom random(5);
    Receiver receiver;
    const std::size_t memory = receiver.log.memory();
    std::uint16_t number = 0;
    for (int i = 0; i < 100'000; ++i) {
        const std::size_t leaps = random.below(3);
        number = static_cast<std::uint16_t>(number + leaps * random.below(30'000));
        receiver.received(number, random.below(3));
        receiver.now += 1ms;
        if (!receiver.log.due(receiver.now)) continue;
        const CongestionFeedback report = receiver.report();
        REQUIRE(report.metric_count <= max_packet_metrics);
        std::size_t arrived = 0;
        for (std::size_t s = 0; s < report.streams().size(); ++s)
            arrived += static_cast<std::size_t>(std::ranges::count(letters(report, s), 'a'));
        REQUIRE(arrived <= 200);  // of the last two intervals
    }
    CHECK(receiver.log.memory() == memory);
    CHECK(memory < 16 * 1024);
}

TEST_CASE("packets of streams that are not the peer's are not followed") {
    Receiver receiver;
    receiver.log.received(Ssrc{99}, SequenceNumber{1}, 100, start);
    CHECK(receiver.log.deadline() == never);
    CHECK(receiver.report().streams().empty());
}
