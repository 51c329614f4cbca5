// A link whose rate was recorded, as Mahimahi writes it down: each line is a millisecond at which 1500 bytes may leave,
// in order; after the last one it begins anew (Netravali et al., USENIX ATC 2015, and mm-link's manual).
#pragma once

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sotto/time.h"

namespace sotto::test {

class Trace {
  public:
    static constexpr std::int64_t bytes_a_line = 1500;

    // Nothing for lines that are not ascending milliseconds, or that take no time in all: they would be of any rate.
    static std::optional<Trace> of(std::vector<std::int64_t> milliseconds) {
        constexpr std::int64_t longest = 7 * 24 * 3'600'000;  // a week; far from where nanoseconds overflow
        if (milliseconds.empty() || milliseconds.front() < 0 || milliseconds.back() == 0) return std::nullopt;
        if (milliseconds.back() > longest || !std::ranges::is_sorted(milliseconds)) return std::nullopt;
        return Trace(std::move(milliseconds));
    }
    // Nothing where there is no such file, too.
    static std::optional<Trace> read(const std::filesystem::path& file) {
        std::ifstream in(file);
        if (!in) return std::nullopt;
        std::vector<std::int64_t> lines;
        for (std::string line; std::getline(in, line);) {
            std::int64_t value = -1;
            const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), value);
            if (error != std::errc{} || end != line.data() + line.size()) return std::nullopt;
            lines.push_back(value);
        }
        return of(std::move(lines));
    }

    // When the opportunity of this number, counted on over all rounds, comes after the trace's start.
    Duration time(std::int64_t number) const {
        const std::int64_t round = number / lines(), line = number % lines();
        return std::chrono::milliseconds(round * period() + lines_[static_cast<std::size_t>(line)]);
    }
    // The first opportunity that comes no earlier.
    std::int64_t first_from(Duration time) const {
        const std::int64_t all = std::chrono::ceil<std::chrono::milliseconds>(time).count();
        // A line at the very end of a round comes together with those at 0 of the next.
        const std::int64_t round = std::max<std::int64_t>((all - 1) / period(), 0);
        const auto line = std::ranges::lower_bound(lines_, all - round * period()) - lines_.begin();
        return round * lines() + line;
    }
    double bits_per_second() const {
        return static_cast<double>(lines() * bytes_a_line * 8) * 1e3 / static_cast<double>(period());
    }
    // Within that time from the start.
    Duration longest_outage(Duration until) const {
        Duration longest{};
        for (std::int64_t number = 0; time(number) < until; ++number) {
            longest = std::max(longest, time(number + 1) - time(number));
        }
        return longest;
    }
    Duration length() const { return std::chrono::milliseconds(period()); }

  private:
    explicit Trace(std::vector<std::int64_t>&& lines) : lines_(std::move(lines)) {}
    std::int64_t lines() const { return static_cast<std::int64_t>(lines_.size()); }
    std::int64_t period() const { return lines_.back(); }

    std::vector<std::int64_t> lines_;  // ms
};

}  // namespace sotto::test
