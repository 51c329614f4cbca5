#include "call/loss_record.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

using namespace sotto;
using namespace sotto::call;
using namespace std::chrono_literals;

namespace {

constexpr Ssrc sound{1};

// Packets of sound, a block each 10 ms in `times` of them. A report each 25 ms tells of what came, and of a loss only
// the next one.
struct Reports {
    Reports(int times, const std::function<bool(int block, int time)>& lost) : record(sound) {
        std::vector<transport::PacketResult> now, next;
        Instant undecided = never;
        std::uint16_t number = 65'000;  // wraps soon
        for (int block = 0; block < 1000; ++block) {
            for (int time = 0; time < times; ++time, ++number) {
                const Instant sent{1000s + block * 10ms + time * 1ms};
                record.sent(SequenceNumber{number});
                if (time > 0) record.sent_again(SequenceNumber{number});
                transport::PacketResult result{
                    .ssrc = sound, .sequence = SequenceNumber{number}, .sent = sent, .arrived = {}};
                const bool gone = lost(block, time);
                if (!gone) result.arrived = Duration(sent.time_since_epoch());
                (gone ? next : now).push_back(result);
                if (gone) undecided = std::min(undecided, sent);
            }
            if (block % 5 != 4) continue;
            std::ranges::sort(now, {}, &transport::PacketResult::sent);
            record.told(now, undecided);
            now = std::exchange(next, {});
            undecided = never;
        }
        record.told(now, never);
    }
    LossRecord record;
};

}  // namespace

TEST_CASE("losses that reports tell of late are no burst, and take no block whose other packet came") {
    const Reports twice(2, [](int block, int time) { return block % 2 == 0 && time == 0; });
    CHECK(twice.record.packets().rate() > 0.24);
    CHECK(twice.record.packets().rate() < 0.26);
    CHECK(twice.record.packets().share_lost(2) == 0);
    CHECK_FALSE(twice.record.packets().in_bursts());
    CHECK(twice.record.blocks().rate() < 0.001);
}

TEST_CASE("a block is lost with the last of its packets, however often it left") {
    for (const int times : {1, 2, 3, 4}) {
        CAPTURE(times);
        const Reports some(times, [&](int block, int) { return block % 10 == 3; });
        CHECK(some.record.blocks().rate() > 0.095);
        CHECK(some.record.blocks().rate() < 0.105);
        CHECK(some.record.blocks().share_lost(2) == 0);
        const Reports none(times, [&](int block, int time) { return block % 10 == 3 && time != times - 1; });
        CHECK(none.record.blocks().rate() < 0.001);
    }
}

TEST_CASE("what is never decided holds up no more than is kept") {
    LossRecord record(sound);
    std::uint16_t number = 0;
    for (int report = 0; report < 200; ++report) {
        std::array<transport::PacketResult, 20> results;
        for (transport::PacketResult& result : results) {
            result = {.ssrc = sound,
                      .sequence = SequenceNumber{number},
                      .sent = Instant{1000s + number * 1ms},
                      .arrived = {}};
            if (number++ % 4 != 0) result.arrived = 1s;
        }
        record.told(results, Instant{1000s});
    }
    CHECK(record.packets().rate() > 0.24);
    CHECK(record.packets().rate() < 0.26);
}

TEST_CASE("a bad second is forgotten after ten, however few packets have followed it") {
    LossRecord record(sound);
    std::uint16_t number = 0;
    const auto tell = [&](Instant from, Instant to, const auto& lost) {
        for (Instant sent = from; sent < to; sent += 20ms, ++number) {
            transport::PacketResult result{
                .ssrc = sound, .sequence = SequenceNumber{number}, .sent = sent, .arrived = {}};
            if (!lost(number)) result.arrived = Duration(sent.time_since_epoch());
            record.told({&result, 1}, never);
        }
    };
    const auto none = [](std::uint16_t) { return false; };
    const Instant bad{1000s};
    tell(bad, bad + 1s, [](std::uint16_t which) { return which % 5 != 4; });
    tell(bad + 1s, bad + 9s, none);
    CHECK(record.packets().rate() > 0.07);
    CHECK(record.packets().repair_packets(1, 0.01) > 0);
    SUBCASE("told of meanwhile") { tell(bad + 9s, bad + 10s + 20ms, none); }
    SUBCASE("or after a silence") { tell(bad + 60s, bad + 60s + 20ms, none); }
    CHECK(record.packets().rate() < transport::LossHistory::negligible);
    CHECK(record.packets().repair_packets(1, 0.01) == 0);
    // By a clock that steps back nothing is forgotten, nor learnt in vain.
    tell(bad, bad + 1s, [](std::uint16_t which) { return which % 2 == 0; });
    CHECK(record.packets().rate() > 0.02);
}
