#include "bench/link_words.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

namespace sotto::bench {
namespace {

std::unexpected<std::string> nothing_of(std::string_view word) {
    std::string text(1, '"');
    text += word;
    text += "\" says nothing about a link";
    return std::unexpected(std::move(text));
}

constexpr double longest = 3600e3;  // ms
constexpr double fastest = 1e7;     // kbit/s

std::optional<double> number(std::string_view text) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value) || value < 0) return {};
    return value;
}

Duration milliseconds(double value) { return Duration(std::llround(value * 1e6)); }

// False for an unknown word, or a value out of its range.
bool set(test::LinkConditions& conditions, std::string_view name, double value) {
    const bool time = name.ends_with("_ms") && value <= longest;
    if (name == "delay_ms" && time) return conditions.delay = milliseconds(value), true;
    if (name == "jitter_ms" && time) return conditions.late = milliseconds(value), true;
    if (name == "queue_ms" && time) return conditions.queue.queue = milliseconds(value), true;
    if (name == "rate_kbps" && value <= fastest) return conditions.queue.rate = std::llround(value * 1000), true;
    if (name == "loss" && value <= 1) return conditions.loss = value, true;
    if (name == "burst" && value <= 1e6) return conditions.burst = value, true;
    return false;
}

// "up.loss=0.1", in one or both directions.
bool apply(std::string_view word, LinkPlan& plan, std::array<test::LinkConditions, 2>& conditions) {
    const std::size_t equals = word.find('=');
    if (equals == word.npos) return false;
    const auto value = number(word.substr(equals + 1));
    if (!value) return false;
    std::string_view name = word.substr(0, equals);
    if (name == "seed" && *value < 1e15) return plan.seed = static_cast<std::uint64_t>(*value), true;
    const bool up = !name.starts_with("down."), down = !name.starts_with("up.");
    if (up != down) name.remove_prefix(name.find('.') + 1);
    return (!up || set(conditions[0], name, *value)) && (!down || set(conditions[1], name, *value));
}

}  // namespace

std::expected<LinkPlan, std::string> parse_link(std::string_view words) {
    LinkPlan plan;
    for (test::LinkConditions& conditions : plan.conditions) conditions.delay = {};
    struct Later {
        double at = 0;
        std::string_view word;
    };
    std::vector<Later> later;
    for (std::size_t begin = 0; (begin = words.find_first_not_of(' ', begin)) != words.npos;) {
        const std::string_view word = words.substr(begin, words.find(' ', begin) - begin);
        begin += word.size();
        const std::size_t colon = word.find(':');
        const auto at =
            word.starts_with("at=") && colon != word.npos ? number(word.substr(3, colon - 3)) : std::nullopt;
        if (at && *at * 1000 <= longest) {
            later.push_back({*at, word.substr(colon + 1)});
        } else if (!apply(word, plan, plan.conditions)) {
            return nothing_of(word);
        }
    }
    std::ranges::stable_sort(later, {}, &Later::at);
    auto conditions = plan.conditions;
    for (const Later& change : later) {
        if (!apply(change.word, plan, conditions)) {
            return nothing_of(change.word);
        }
        plan.changes.push_back({.at = milliseconds(change.at * 1000), .conditions = conditions});
    }
    return plan;
}

}  // namespace sotto::bench
