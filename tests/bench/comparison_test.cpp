// Two results beside each other: what counts as worse, and how sure that is.
#include "bench/results/comparison.h"

#include <doctest/doctest.h>

#include "bench/sample_results.h"

using namespace sotto;
using namespace sotto::bench;
using namespace sotto::test;

namespace {

Results parsed(const json& file) {
    auto results = parse_results(file.dump(), "file");
    REQUIRE_MESSAGE(results.has_value(), (results ? "" : results.error()));
    return std::move(*results);
}

ResultComparison compared(const json& a, const json& b, double threshold = 1.05) {
    return bench::compare(parsed(a), parsed(b), threshold);
}

const Compared& find(const ResultComparison& comparison, const std::string& name) {
    const auto found = std::ranges::find(comparison.compared, name, &Compared::name);
    REQUIRE_MESSAGE(found != comparison.compared.end(), name);
    return *found;
}

std::vector<double> normal(std::uint64_t seed, double mean, std::size_t count) {
    std::mt19937_64 random(seed);
    std::normal_distribution<double> values(mean, mean / 10);
    std::vector<double> drawn(count);
    for (double& value : drawn) value = values(random);
    std::ranges::sort(drawn);
    return drawn;
}

}  // namespace

TEST_CASE("a slower figure is worse, a faster one better, and one that hardly moved neither") {
    const auto comparison =
        compared(suite({figure("slower", 10, 1), figure("faster", 10, 2), figure("as before", 10, 3)}),
                 suite({figure("slower", 12, 4), figure("faster", 8, 5), figure("as before", 10, 6)}));
    CHECK(find(comparison, "slower").verdict == Verdict::worse);
    CHECK(find(comparison, "faster").verdict == Verdict::better);
    CHECK(find(comparison, "as before").verdict == Verdict::same);
    CHECK(*find(comparison, "slower").ratio == doctest::Approx(1.2).epsilon(0.03));
    CHECK(comparison.count(Verdict::worse) == 1);
}

TEST_CASE("a ratio over the threshold is not worse while its interval reaches below") {
    const json a = suite({figure("few rounds", 10, 1, 6)}), b = suite({figure("few rounds", 10.9, 7, 6)});
    const Compared one = compared(a, b).compared.front();
    REQUIRE(*one.ratio > 1.05);
    CHECK(one.interval->low < 1.05);
    CHECK(one.verdict == Verdict::same);
    CHECK(compared(suite({figure("many", 10, 1, 500)}), suite({figure("many", 10.9, 2, 500)})).count(Verdict::worse) ==
          1);
}

TEST_CASE("the threshold decides") {
    const json a = suite({figure("it", 10, 1, 500)}), b = suite({figure("it", 11, 2, 500)});
    CHECK(compared(a, b, 1.05).count(Verdict::worse) == 1);
    CHECK(compared(a, b, 1.15).count(Verdict::worse) == 0);
    CHECK(compared(b, a, 1.05).count(Verdict::better) == 1);
}

TEST_CASE("the tail of a stage is compared by itself") {
    const auto comparison = compared(latency({run("video", 1)}), latency({run("video", 2, 1.5)}));
    CHECK(find(comparison, "encode p50").verdict == Verdict::same);
    CHECK(find(comparison, "decode p99").verdict == Verdict::same);
    CHECK(find(comparison, "encode p99").verdict == Verdict::worse);
    CHECK(find(comparison, "total p99").verdict == Verdict::worse);
    CHECK(find(comparison, "allocations").verdict == Verdict::same);
    CHECK(find(comparison, "processor time").verdict == Verdict::unknown);
}

TEST_CASE("our own share of a frame's time is compared by its samples, and worse if it grows") {
    const auto with_own = [](double factor) {
        json one = run("video", 1);
        std::vector<double> own;
        for (int i = 0; i < 500; ++i) own.push_back(factor * (40 + i % 10));
        one["own_us"] = percentiles(own);
        one["own_samples"] = own;
        return latency({one});
    };
    CHECK(find(compared(with_own(1), with_own(1)), "own share p50").verdict == Verdict::same);
    CHECK(find(compared(with_own(1), with_own(1.3)), "own share p50").verdict == Verdict::worse);
}

TEST_CASE("what is counted needs no interval, and one more than none is worse") {
    const auto comparison =
        compared(suite({counted("none", 0), counted("some", 0)}), suite({counted("none", 0), counted("some", 2)}));
    CHECK(find(comparison, "none").verdict == Verdict::same);
    CHECK(find(comparison, "some").verdict == Verdict::worse);
    const json written = comparison.to_json(parsed(suite({})), parsed(suite({})));
    CHECK(written["ratios"][1]["ratio"].is_null());  // infinite
}

TEST_CASE("figures that may be negative have no ratio") {
    json a = figure("difference", 0.01, 1), b = figure("difference", 0.5, 2);
    a["rounds"][3] = -0.02;
    a["median"] = -0.001;
    const Compared one = compared(suite({a}), suite({b})).compared.front();
    CHECK_FALSE(one.ratio);
    CHECK(one.verdict == Verdict::unknown);
}

TEST_CASE("what only one of them has is named, and another unit is another figure") {
    json other = figure("changed", 10, 1);
    other["unit"] = "ms";
    const auto comparison = compared(suite({figure("both", 10, 1), figure("left", 10, 1), figure("changed", 10, 1)}),
                                     suite({figure("both", 10, 1), figure("right", 10, 1), other}));
    CHECK(comparison.compared.size() == 1);
    CHECK(comparison.only_a == std::vector<std::string>{"srtp path: left", "srtp path: changed"});
    CHECK(comparison.only_b == std::vector<std::string>{"srtp path: right", "srtp path: changed"});
}

TEST_CASE("baselines of one name are told apart by their order") {
    const json a = suite({figure("baseline", 10, 1), figure("baseline", 100, 2)});
    const auto comparison = compared(a, suite({figure("baseline", 10, 3), figure("baseline", 200, 4)}));
    CHECK(find(comparison, "baseline").verdict == Verdict::same);
    CHECK(find(comparison, "baseline (2)").verdict == Verdict::worse);
}

TEST_CASE("an interval of the median holds the truth about as often as it says") {
    int held = 0;
    constexpr int times = 300;
    for (int i = 0; i < times; ++i) {
        const auto seed = static_cast<std::uint64_t>(i);
        const auto interval = bootstrap_ratio(normal(2 * seed, 100, 101), normal(2 * seed + 1, 120, 101), 0.5, seed);
        held += interval.low <= 1.2 && 1.2 <= interval.high ? 1 : 0;
    }
    CAPTURE(held);
    CHECK(held >= times * 0.91);
    CHECK(held <= times * 0.99);
}

TEST_CASE("drawing ranks is drawing values: the interval is that of the plain bootstrap") {
    const auto a = normal(1, 100, 80), b = normal(2, 110, 90);
    std::mt19937_64 random(3);
    std::vector<double> ratios;
    const auto drawn = [&](const std::vector<double>& from) {
        std::vector<double> again(from.size());
        for (double& value : again) value = from[random() % from.size()];
        std::ranges::sort(again);
        return percentile(again, 0.95);
    };
    for (int i = 0; i < 4000; ++i) ratios.push_back(drawn(b) / drawn(a));
    std::ranges::sort(ratios);
    const Interval interval = bootstrap_ratio(a, b, 0.95, 1);
    CHECK(interval.low == doctest::Approx(percentile(ratios, 0.025)).epsilon(0.01));
    CHECK(interval.high == doctest::Approx(percentile(ratios, 0.975)).epsilon(0.01));
}

TEST_CASE("the same files give the same intervals") {
    const json a = latency({run("video", 1)}), b = latency({run("video", 2)});
    const Results left = parsed(a), right = parsed(b);
    CHECK(bench::compare(left, right, 1.05).to_json(left, right) ==
          bench::compare(left, right, 1.05).to_json(left, right));
}

TEST_CASE("other machines and builds are said to be others") {
    json b = suite({figure("it", 10, 1)});
    b["machine"]["cpu"] = "another processor";
    const Results left = parsed(suite({figure("it", 10, 1)})), right = parsed(b);
    const auto comparison = bench::compare(left, right, 1.05);
    CHECK_FALSE(comparison.same_machine);
    CHECK(comparison.same_build);
    CHECK(comparison.to_text(left, right).find("DIFFERENT MACHINES") != std::string::npos);
}
