#include "call/outbox.h"

#include <doctest/doctest.h>

using namespace sotto;
using namespace sotto::call;
using namespace std::chrono_literals;

TEST_CASE("sound that leaves more often waits for its moment and for the pacer, and goes before all that is paced") {
    using Kind = Departure::Kind;
    Outbox outbox;
    const Instant now{1000s};
    outbox.push({.kind = Kind::video, .sequence = SequenceNumber{1}, .queued = now});
    outbox.push({.kind = Kind::retransmission, .sequence = SequenceNumber{2}, .queued = now});
    CHECK(outbox.again_in(now) == Duration::max());
    for (int i = 1; i < 4; ++i) {
        outbox.push({.kind = Kind::audio_again,
                     .sequence = SequenceNumber{static_cast<std::uint16_t>(10 + i)},
                     .queued = now + i * 1ms});
    }
    outbox.push({.kind = Kind::audio, .sequence = SequenceNumber{10}, .queued = now});
    CHECK(outbox.paced() == 2);  // that pictures wait for
    CHECK(outbox.again_in(now) == 1ms);
    const auto next = [&](bool pacer_allows, Instant at) {
        const auto departure = outbox.pop(pacer_allows, at);
        return departure ? static_cast<int>(departure->sequence.value) : -1;
    };
    CHECK(next(false, now) == 10);
    CHECK(next(false, now + 5ms) == -1);
    CHECK(outbox.again_in(now + 5ms) == -4ms);
    CHECK(next(true, now + 999us) == 2);
    CHECK(next(true, now + 1ms) == 11);
    CHECK(next(true, now + 1ms) == 1);
    CHECK(next(true, now + 1ms) == -1);
    // Pictures that are left out take no sound with them.
    outbox.leave_out_paced();
    CHECK(next(true, now + 2ms) == 12);
    CHECK(outbox.again_in(now + 2ms) == 1ms);
    CHECK_FALSE(outbox.has_paced());
    CHECK(next(true, now + 10ms) == 13);
    CHECK(next(true, now + 10ms) == -1);
    CHECK(outbox.audio_overrun() == 0);
}
