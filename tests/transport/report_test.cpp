#include <doctest/doctest.h>

#include "transport/clock_sync.h"
#include "transport/reception.h"

using namespace sotto;
using namespace sotto::transport;
using namespace std::chrono_literals;

namespace {

constexpr Ssrc source{7};
const Instant start{50s};

}  // namespace

TEST_CASE("losses are reported over all and per interval, as RFC 3550 A.3 has it") {
    ReceptionStats stats(source, 90000);
    for (std::int64_t n = 65536 + 65530; n < 65536 + 65530 + 100; ++n) {
        if (n % 4 != 0) stats.received(n, RtpTimestamp{0}, start);
    }
    const ReportBlock first = stats.report(start);
    CHECK(first.source == source);
    CHECK(first.cumulative_lost == 25);
    CHECK(first.fraction_lost == 64);
    CHECK(first.highest_sequence == 65530 + 99);
    CHECK(stats.expected() == 100);
    for (std::int64_t n = 65536 + 65630; n < 65536 + 65730; ++n) stats.received(n, RtpTimestamp{0}, start);
    const ReportBlock second = stats.report(start);
    CHECK(second.cumulative_lost == 25);
    CHECK(second.fraction_lost == 0);
}

TEST_CASE("a block that travels with feedback leaves the interval open") {
    ReceptionStats stats(source, 90000);
    for (std::int64_t n = 0; n < 100; n += 2) stats.received(65536 + n, RtpTimestamp{0}, start);
    stats.received(65536 + 99, RtpTimestamp{0}, start);
    CHECK(stats.report_again(start).fraction_lost == 0);
    CHECK(stats.report_again(start).cumulative_lost == 49);
    CHECK(stats.report(start).fraction_lost == 49 * 256 / 100);
    CHECK(stats.report_again(start).fraction_lost == 49 * 256 / 100);
}

TEST_CASE("duplicates make the count of losses fall, and never the fraction negative") {
    ReceptionStats stats(source, 90000);
    for (int i = 0; i < 10; ++i) stats.received(65536, RtpTimestamp{0}, start);
    const ReportBlock block = stats.report(start);
    CHECK(block.cumulative_lost == -9);
    CHECK(block.fraction_lost == 0);
}

TEST_CASE("jitter is zero for steady arrivals and settles at the mean deviation") {
    ReceptionStats steady(source, 48000);
    for (int i = 0; i < 500; ++i) {
        steady.received(65536 + i, RtpTimestamp{0xfffffff0U + 960U * static_cast<std::uint32_t>(i)}, start + i * 20ms);
    }
    CHECK(steady.jitter() < 100us);
    ReceptionStats shaky(source, 48000);
    for (int i = 0; i < 500; ++i) {
        shaky.received(65536 + i, RtpTimestamp{960U * static_cast<std::uint32_t>(i)},
                       start + i * 20ms + (i % 2 == 0 ? 10ms : 0ms));
    }
    CHECK(shaky.jitter() > 9ms);
    CHECK(shaky.jitter() < 11ms);
}

TEST_CASE("NTP format and durations convert both ways") {
    CHECK(to_ntp(1500ms).value == (std::uint64_t{1} << 32 | std::uint64_t{1} << 31));
    for (const Duration d : {Duration(0), Duration(1), Duration(999'999'999), Duration(123'456'789'012)}) {
        const Duration error = from_ntp(to_ntp(d)) - d;
        CHECK(error <= 1ns);
        CHECK(error >= -1ns);
    }
}

TEST_CASE("the round trip is what is left after the peer's delay") {
    ReportBlock block{.last_sr = to_ntp(10s).middle(), .delay_since_last_sr = 65536 / 4};
    const auto trip = round_trip(block, to_ntp(10s + 250ms + 80ms));
    REQUIRE(trip);
    CHECK(*trip > 79900us);
    CHECK(*trip < 80100us);
    CHECK_FALSE(round_trip(block, to_ntp(10s + 200ms)));
    block.last_sr = 0;
    CHECK_FALSE(round_trip(block, to_ntp(11s)));
}

TEST_CASE("for repair the round trip is smoothed and bounded, whatever the peer reports") {
    RoundTripTime time;
    CHECK_FALSE(time.smoothed());
    time.measured(60ms);
    CHECK(time.for_repair() == 60ms);
    time.measured(3s);
    CHECK(time.for_repair() < 500ms);
    for (int i = 0; i < 100; ++i) time.measured(0ms);
    CHECK(time.for_repair() == 20ms);
    for (int i = 0; i < 100; ++i) time.measured(60s);
    CHECK(time.for_repair() == 1s);
}

TEST_CASE("a sender's time stamps are placed on our time line, over their wrap") {
    ClockSync sync(90000);
    CHECK_FALSE(sync.captured(RtpTimestamp{0}));
    // The sender's time starts where ours says 50 s; packets take 30 ms, at times more.
    for (int i = 0; i < 20; ++i) {
        const Duration since = i * 1s;
        const SenderInfo info{.ntp = to_ntp(since),
                              .rtp = RtpTimestamp{0xffff0000U + 90000U * static_cast<std::uint32_t>(i)}};
        sync.sender_report(info, start + since + 30ms + (i % 3) * 5ms, 60ms);
    }
    const auto captured = sync.captured(RtpTimestamp{0xffff0000U + 90000U * 19 - 45000});
    REQUIRE(captured);
    const Duration error = *captured - (start + 18500ms);
    CHECK(error < 3ms);
    CHECK(error > -3ms);
}
