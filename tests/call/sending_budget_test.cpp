#include "call/sending_budget.h"

#include <doctest/doctest.h>

#include "transport/rtp.h"

using namespace sotto;
using namespace sotto::call;
using namespace std::chrono_literals;

namespace {

constexpr StreamOffer streams{.audio_ssrc = Ssrc{1}, .video_ssrc = Ssrc{2}, .repair_ssrc = Ssrc{3}};

// After a silence that left of the rate hardly more than a few small pictures take.
SendingBudget slow() {
    SendingBudget budget(streams, {.video_bitrate = 500'000});
    budget.sent_rtp(streams.audio_ssrc, SequenceNumber{1}, 100, Instant{1000s});
    while (budget.target() > 100'000) budget.poll(budget.deadline());
    return budget;
}

// Of ten packets of pictures and five of sound each 100 ms, every third is lost.
void lose_a_third(SendingBudget& budget, Instant& now, Duration duration) {
    std::uint16_t pictures = 0, sound = 0;
    for (const Instant end = now + duration; now < end; now += 100ms) {
        transport::CongestionFeedback told;
        const auto send = [&](Ssrc ssrc, std::uint16_t& number, int count) {
            REQUIRE(told.begin(ssrc, SequenceNumber{number}));
            for (int i = 0; i < count; ++i, ++number) {
                budget.sent_rtp(ssrc, SequenceNumber{number}, 200, now);
                REQUIRE(told.add(number % 3 == 0 ? transport::not_received : transport::arrived_before(51)));
            }
        };
        send(streams.audio_ssrc, sound, 5);
        send(streams.video_ssrc, pictures, 10);
        told.timestamp = static_cast<std::uint32_t>((now + 90ms).time_since_epoch() / 1us * 65'536 / 1'000'000);
        budget.feedback(told, now + 99ms, 100ms);
    }
}

}  // namespace

TEST_CASE("fewer pictures have fewer headers, and what those took") {
    SendingBudget budget = slow();
    const SendingShares often = budget.shares();
    REQUIRE(often.video_bitrate > 20'000);
    budget.set_frame_rate(15);
    const int more = budget.shares().video_bitrate - often.video_bitrate;
    CHECK(more >= 15 * 30 * 8);  // an RTP header, the tag and the key's identifier
    CHECK(more <= 15 * 36 * 8);
    CHECK(budget.shares().audio_bitrate == often.audio_bitrate);
    budget.set_frame_rate(30);
    CHECK(budget.shares().video_bitrate == often.video_bitrate);
}

TEST_CASE("what pictures would wait for is counted by less than a second") {
    const SendingBudget budget = slow();
    CHECK(budget.wait_for(0) == 0s);
    const double seconds = static_cast<double>(transport::max_datagram) * 8 / budget.target();
    CHECK(std::chrono::duration<double>(budget.wait_for(1)).count() == doctest::Approx(seconds));
    CHECK(std::chrono::duration<double>(budget.wait_for(200)).count() == doctest::Approx(200 * seconds));
}

TEST_CASE("a frame rate of nothing is none") {
    SendingBudget budget = slow();
    const int before = budget.shares().video_bitrate;
    budget.set_frame_rate(0);
    budget.set_frame_rate(-1);
    CHECK(budget.shares().video_bitrate == before);
}

TEST_CASE("where the path takes hardly more than sound, repair for what an outage lost does not fill it") {
    SendingBudget budget(streams, {.video_bitrate = 500'000});
    Instant now{1000s};
    lose_a_third(budget, now, 10s);
    CHECK(budget.parity_for(1, 200ms) >= 2);
    while (budget.target() > 40'000) budget.poll(budget.deadline());
    CHECK(budget.parity_for(1, 200ms) == 0);
    CHECK(budget.parity_for(4, 200ms) == 0);
}

TEST_CASE(
    "two packets of sound with the same block count as one: of two blocks in a row no copy need go further back") {
    SendingBudget budget(streams, {.audio_bitrate = 16'000, .audio_packets = 100, .video_bitrate = 500'000});
    Instant now{1000s};
    std::uint16_t number = 0;
    for (int block = 0; block < 600; now += 100ms) {
        transport::CongestionFeedback told;
        REQUIRE(told.begin(streams.audio_ssrc, SequenceNumber{number}));
        for (int i = 0; i < 20; ++i, ++number) {
            budget.sent_rtp(streams.audio_ssrc, SequenceNumber{number}, 200, now);
            if (i % 2 == 1) budget.sent_again(SequenceNumber{number});
            REQUIRE(told.add(block % 50 < 2 ? transport::not_received : transport::arrived_before(51)));
            block += i % 2;
        }
        told.timestamp = static_cast<std::uint32_t>((now + 90ms).time_since_epoch() / 1us * 65'536 / 1'000'000);
        budget.feedback(told, now + 99ms, 100ms);
    }
    CHECK(budget.shares().audio_copies.count == 2);
    CHECK(budget.shares().audio_copies.spacing == 1);
}
