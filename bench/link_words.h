// A link in the words of `linkem` ("delay_ms=50 jitter_ms=20 loss=0.1 rate_kbps=300"), as tests/sim emulates it.
#pragma once

#include <array>
#include <expected>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/link.h"

namespace sotto::bench {

struct LinkPlan {
    // Both directions: up, from who sends the media, and down.
    std::array<test::LinkConditions, 2> conditions{};
    // What changes later, since the link began, in the order in which it does.
    struct Change {
        Duration at{};
        std::array<test::LinkConditions, 2> conditions{};
    };
    std::vector<Change> changes{};
    std::uint64_t seed = 1;
};

// Words, apart by spaces: rate_kbps, queue_ms, delay_ms, jitter_ms, loss, burst, seed, each with `=` and a number;
// "up." or "down." in front for one direction, "at=SECONDS:" for later. The error is a sentence.
std::expected<LinkPlan, std::string> parse_link(std::string_view words);

}  // namespace sotto::bench
