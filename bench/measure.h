// Measured and baseline rounds, interleaved in one run, and the spread of their ratio from round to round.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <ctime>
#include <functional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "sotto/error.h"

namespace sotto::bench {

using Clock = std::chrono::steady_clock;

// Processor time of this thread in microseconds: on a busy machine the time that others took does not count.
inline double microseconds_of(clockid_t clock) {
    std::timespec time{};
    clock_gettime(clock, &time);
    return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
}
inline double processor_time() { return microseconds_of(CLOCK_THREAD_CPUTIME_ID); }
// Of all threads.
inline double program_time() { return microseconds_of(CLOCK_PROCESS_CPUTIME_ID); }

// What two readings with nothing in between seem to take: the least of many.
inline double reading_cost() {
    static const double cost = [] {
        double least = 1e6;
        for (int i = 0; i < 1000; ++i) {
            const double start = processor_time();
            least = std::min(least, processor_time() - start);
        }
        return least;
    }();
    return cost;
}

// Runs `work` and gives what it took, in microseconds of processor time. A reading costs about as much as
// protecting a small packet: `work` should be many times that.
template <class Work>
double timed(Work&& work) {
    const double start = processor_time();
    work();
    return processor_time() - start - reading_cost();
}

// What one of `times` runs of `work` takes, as interleave() wants it.
template <std::invocable Work>
std::array<double, 1> each(int times, Work&& work) {
    const double all = timed([&] {
        for (int i = 0; i < times; ++i) work();
    });
    return {all / times};
}

struct Spread {
    double median = 0;
    double p10 = 0;
    double p90 = 0;
    std::size_t samples = 0;
    std::vector<double> rounds{};  // what it was taken of, in order; evenly picked where there are very many
    static constexpr std::size_t max_rounds = 500;
};

// A figure that is counted, not measured: it has no spread.
inline Spread exactly(double value) { return {.median = value, .p10 = value, .p90 = value, .samples = 1}; }

// At most `count` of the values, in order.
inline std::vector<double> evenly(const std::vector<double>& values, std::size_t count) {
    if (values.size() <= count) return values;
    std::vector<double> some;
    for (std::size_t i = 0; i < count; ++i) some.push_back(values[i * values.size() / count]);
    return some;
}

inline Spread spread(std::vector<double> values) {
    if (values.empty()) return {};
    std::vector<double> rounds = evenly(values, Spread::max_rounds);
    std::ranges::sort(values);
    const auto at = [&](double share) {
        return values[static_cast<std::size_t>(std::lround(share * static_cast<double>(values.size() - 1)))];
    };
    return {.median = at(0.5), .p10 = at(0.1), .p90 = at(0.9), .samples = values.size(), .rounds = std::move(rounds)};
}

struct Comparison {
    Spread measured;
    Spread baseline;
    Spread ratio;
};

// How long to compare, and whom to tell that it goes on.
struct Budget {
    Clock::duration time;
    std::function<void()> tick;
    static constexpr std::size_t least_rounds = 10;
};

// Both callables do the next piece of the same work and give N times of it in microseconds
// (std::array<double, N>). A round is measured, baseline, baseline, measured: what drifts, and what the first
// of two gains or loses by warming the caches for the second, cancels out within it.
template <std::size_t N, std::invocable Measured, std::invocable Baseline>
std::array<Comparison, N> interleave(const Budget& budget, Measured&& measured, Baseline&& baseline) {
    std::array<std::vector<double>, N> ours, theirs, ratios;
    const auto add = [](const std::array<double, N>& first, const std::array<double, N>& second, std::size_t i) {
        return (first[i] + second[i]) / 2;
    };
    const auto start = Clock::now();
    for (std::size_t round = 0; round < Budget::least_rounds || Clock::now() - start < budget.time; ++round) {
        const std::array<double, N> first_measured = measured();
        const std::array<double, N> first_baseline = baseline();
        const std::array<double, N> second_baseline = baseline();
        const std::array<double, N> second_measured = measured();
        if (round == 0) continue;  // cold
        for (std::size_t i = 0; i < N; ++i) {
            ours[i].push_back(add(first_measured, second_measured, i));
            theirs[i].push_back(add(first_baseline, second_baseline, i));
            ratios[i].push_back(ours[i].back() / theirs[i].back());
        }
        budget.tick();
    }
    std::array<Comparison, N> result;
    for (std::size_t i = 0; i < N; ++i) {
        result[i] = {.measured = spread(std::move(ours[i])),
                     .baseline = spread(std::move(theirs[i])),
                     .ratio = spread(std::move(ratios[i]))};
    }
    return result;
}

// A benchmark of something that failed says nothing, so it stops the program.
inline void require(bool done, const char* what) {
    if (!done) throw std::runtime_error(what);
}

template <class T>
T must(Result<T>&& result, const char* what) {
    if (!result) throw std::runtime_error(std::string(what) + ": " + std::string(describe(result.error())));
    if constexpr (!std::is_void_v<T>) return std::move(*result);
}

}  // namespace sotto::bench
