// A NACK tracker that obeys a program, beside a record of what came and what was asked for.
#pragma once

#include <map>
#include <set>

#include "fuzz/harness.h"
#include "transport/nack.h"

namespace sotto::fuzz {

class NackRun {
  public:
    void step(Program& program) {
        switch (program.u8() % 4) {
            case 0: now_ += program.milliseconds(); break;
            case 1: ask(program.milliseconds()); break;
            case 2: forget(program.u8()); break;
            default: receive(program.i8());
        }
        check(tracker_.missing() <= 256);
    }

  private:
    // Far jumps too: more than the tracker holds.
    void receive(int step) {
        const std::int64_t number = std::max<std::int64_t>(1, number_ + (step > 120 ? step * 8 : step));
        tracker_.received(number, now_, std::chrono::milliseconds(5));
        received_.insert(number);
        number_ = received_.size() == 1 ? number : std::max(number_, number);
    }

    // As the jitter buffer does: at most everything that came.
    void forget(int behind) {
        if (received_.empty()) return;
        first_wanted_ = std::max(first_wanted_, number_ + 1 - behind);
        tracker_.forget_before(first_wanted_);
    }

    void ask(Duration round_trip) {
        const bool something_due = tracker_.deadline() <= now_;
        const std::uint64_t given_up = tracker_.given_up();
        std::array<SequenceNumber, transport::max_nacks> out{};
        const std::size_t count = tracker_.due(now_, round_trip, out);
        check(something_due == (count > 0 || tracker_.given_up() > given_up));
        std::int64_t last = 0;
        for (const SequenceNumber asked : std::span(out).first(count)) {
            const std::int64_t number = number_ - static_cast<std::uint16_t>(number_ - asked.value);
            check(number > last && number >= first_wanted_ && !received_.contains(number));
            check(++asked_[number] <= transport::NackTracker::max_tries);
            last = number;
        }
    }

    transport::NackTracker tracker_;
    std::set<std::int64_t> received_;
    std::map<std::int64_t, int> asked_;
    std::int64_t number_ = 0x10000;  // the highest received
    std::int64_t first_wanted_ = 0;
    Instant now_{std::chrono::seconds(1000)};
};

}  // namespace sotto::fuzz
