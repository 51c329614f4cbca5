#include "call/sending_budget.h"

#include <doctest/doctest.h>

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

TEST_CASE("a frame rate of nothing is none") {
    SendingBudget budget = slow();
    const int before = budget.shares().video_bitrate;
    budget.set_frame_rate(0);
    budget.set_frame_rate(-1);
    CHECK(budget.shares().video_bitrate == before);
}
