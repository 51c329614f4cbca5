#include "transport/fec_rate.h"

#include <doctest/doctest.h>

#include <cmath>

#include "support/random.h"

using namespace sotto;
using namespace sotto::transport;

namespace {

// `stay` is the chance that a packet after a lost one is lost too, `start` that of one after a packet that came.
LossHistory channel(std::uint64_t seed, double start, double stay, int packets = 1024) {
    test::SeededRandom random(seed);
    LossHistory history;
    bool lost = false;
    for (int i = 0; i < packets; ++i) {
        lost = random.chance(lost ? stay : start);
        history.add(lost);
    }
    return history;
}

LossHistory periodic(int period, int run, int packets = 1024) {
    LossHistory history;
    for (int i = 0; i < packets; ++i) history.add(i % period < run);
    return history;
}

}  // namespace

TEST_CASE("a channel that loses nothing, or next to nothing, is given no repair") {
    CHECK(periodic(2000, 0).rate() == 0);
    CHECK(periodic(2000, 0).repair_packets(20, 0.01) == 0);
    const LossHistory three_in_1024 = periodic(342, 1);
    CHECK(three_in_1024.rate() == doctest::Approx(3.0 / 1024));
    CHECK(three_in_1024.repair_packets(20, 0) == 0);
    CHECK(periodic(256, 1).repair_packets(20, 0.001) > 0);
    CHECK(periodic(10, 1).repair_packets(0, 0.01) == 0);
    CHECK(periodic(10, 1).repair_packets(-1, 0.01) == 0);
}

TEST_CASE("a channel of which little is known is held to lose little: repair begins with a loss, and is no storm") {
    CHECK(LossHistory{}.rate() == doctest::Approx(0.0025));
    CHECK(LossHistory{}.repair_packets(20, 0.01) == 0);
    for (const int first : {0, 4, 9}) {
        CAPTURE(first);
        LossHistory one_in_ten;
        for (int i = 0; i < 10; ++i) one_in_ten.add(i == first);
        CHECK(one_in_ten.rate() == doctest::Approx(1.25 / 110));
        CHECK(one_in_ten.repair_packets(20, 0.01) == 2);  // over 1 of 21: 0.024; 2 of 22: 0.002. By a tenth: 6 or 7
    }
}

TEST_CASE("what is seen soon outweighs what was held, and replaces it") {
    for (const double truth : {0.05, 0.2, 0.5}) {
        CAPTURE(truth);
        double error = 0, signed_error = 0;
        for (std::uint64_t seed = 1; seed <= 50; ++seed) {
            const double estimate = channel(seed, truth, truth, 400).rate();
            signed_error += (estimate - truth) / 50;
            error += std::abs(channel(seed, truth, truth, 1024).rate() - truth) / 50;
        }
        CHECK(std::abs(signed_error) < truth * 0.25);  // a fifth of the weight is not the channel's
        CHECK(error < 0.02);
    }
    CHECK(periodic(4, 1, 1024).rate() == 0.25);  // exactly: nothing is left of it
}

TEST_CASE("only the last 1024 packets count") {
    LossHistory history = periodic(2, 1, 5000);
    CHECK(history.rate() == 0.5);
    for (int i = 0; i < 512; ++i) history.add(false);
    CHECK(history.rate() == 0.25);
    for (int i = 0; i < 512; ++i) history.add(false);
    CHECK(history.rate() == 0);
}

TEST_CASE("evenly spread losses are met as the binomial distribution says") {
    // Of three packets that are each lost half the time 0.5 lose over one.
    const LossHistory history = periodic(2, 1);
    CHECK(history.repair_packets(2, 0.5) == 1);
    CHECK(history.repair_packets(2, 0.49) > 1);
    // An eighth lost, ten packets and m more: over 1 of 11: 0.4081; 2 of 12: 0.1820; 3 of 13: 0.0690; 4 of 14: 0.0231.
    const LossHistory eighth = periodic(8, 1);
    CHECK(eighth.repair_packets(10, 0.409) == 1);
    CHECK(eighth.repair_packets(10, 0.407) == 2);
    CHECK(eighth.repair_packets(10, 0.070) == 3);
    CHECK(eighth.repair_packets(10, 0.024) == 4);
}

TEST_CASE("bursts ask for more than the same losses spread out, and never for more than the most there is") {
    const LossHistory spread = periodic(50, 1, 1000), bursts = periodic(400, 8, 1000);
    CHECK(bursts.rate() == doctest::Approx(0.024).epsilon(0.02));
    CHECK(bursts.repair_packets(20, 0.001) == 8);
    CHECK(spread.repair_packets(20, 0.001) < 8);
    CHECK(periodic(1, 1).repair_packets(20, 0.01) == LossHistory::max_repair_packets);
    CHECK(periodic(2, 1).repair_packets(127, 0.01) == LossHistory::max_repair_packets);
    CHECK(periodic(2, 1, 10).repair_packets(2000000000, 0.01) == LossHistory::max_repair_packets);
}

TEST_CASE("what is asked for leaves no more than the residual when the channel goes on as before") {
    int all_failed = 0;
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        CAPTURE(seed);
        const bool bursty = seed % 2 == 0;
        const double start = bursty ? 0.03 : 0.1, stay = bursty ? 0.6 : 0.1;
        const int repairs = channel(seed, start, stay).repair_packets(30, 0.02);
        CHECK(repairs > 3);
        CHECK(repairs < 30);
        test::SeededRandom random(seed + 1000);
        int failed = 0;
        bool lost = false;
        for (int window = 0; window < 2000; ++window) {
            int losses = 0;
            for (int i = 0; i < 30 + repairs; ++i) {
                lost = random.chance(lost ? stay : start);
                if (lost) ++losses;
            }
            if (losses > repairs) ++failed;
        }
        CHECK(failed < 2000 * 0.1);  // 1024 packets tell the future only roughly
        all_failed += failed;
    }
    CHECK(all_failed < 20 * 2000 * 0.03);
}

TEST_CASE("bursts are told from what chance brings, and chance is hardly ever taken for them") {
    int taken = 0;
    for (const double rate : {0.01, 0.05, 0.1, 0.2, 0.4}) {
        for (const int packets : {100, 300, 1024}) {
            for (std::uint64_t seed = 1; seed <= 100; ++seed) taken += channel(seed, rate, rate, packets).in_bursts();
        }
    }
    CHECK(taken <= 3);  // of 1500
    for (const double length : {2.0, 4.0, 8.0}) {
        for (std::uint64_t seed = 1; seed <= 50; ++seed) {
            CAPTURE(length);
            CAPTURE(seed);
            CHECK(channel(seed, 0.1 / length / 0.9, 1 - 1 / length).in_bursts());
        }
    }
    CHECK(!periodic(100, 4, 104).in_bursts());  // of two bursts nothing is concluded
    CHECK(periodic(100, 4, 204).in_bursts());
}

TEST_CASE("bursts that the history has forgotten count no more, however it was filled") {
    LossHistory history = channel(7, 0.02, 0.8, 3000);
    REQUIRE(history.in_bursts());
    test::SeededRandom random(8);
    for (int i = 0; i < 1024; ++i) history.add(random.chance(0.1));
    CHECK(!history.in_bursts());
    // Fourteen bursts, then lone losses: the last burst that is still there makes none of the others.
    LossHistory alone = periodic(64, 8, 1024);
    for (int i = 0; i < 1010; ++i) alone.add(i % 20 == 0);
    CHECK(!alone.in_bursts());
    for (int i = 0; i < 1024; ++i) alone.add(i % 64 < 8);
    CHECK(alone.in_bursts());
}

TEST_CASE("the share of windows that are lost altogether shows how long bursts are") {
    const LossHistory threes = periodic(128, 3);
    CHECK(threes.share_lost(2) == doctest::Approx(16.0 / 1023));
    CHECK(threes.share_lost(3) == doctest::Approx(8.0 / 1022));
    CHECK(threes.share_lost(4) == 0);
    CHECK(LossHistory{}.share_lost(1) == 0);
}

TEST_CASE("of a history that keeps its newest packets nothing else is left") {
    for (const int before : {0, 500, 1024, 3000}) {
        CAPTURE(before);
        test::SeededRandom random(7);
        LossHistory all, newest;
        for (int i = 0; i < before; ++i) all.add(random.chance(0.5));
        for (int i = 0; i < 400; ++i) {
            const bool lost = i % 10 == 0;
            all.add(lost);
            newest.add(lost);
        }
        all.keep(400);
        all.keep(401);  // more than there are
        for (int i = 0; i < 700; ++i) {
            CHECK(all.rate() == newest.rate());
            CHECK(all.in_bursts() == newest.in_bursts());
            CHECK(all.share_lost(3) == newest.share_lost(3));
            const bool lost = random.chance(0.1);
            all.add(lost);
            newest.add(lost);
        }
        all.keep(0);
        CHECK(all.rate() == LossHistory{}.rate());
    }
}
