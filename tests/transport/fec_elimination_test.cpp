// The decoder against plain linear algebra: what the repair packets that came determine, it brings back, and nothing
// else. docs/protocol.md, "Repair", says what the equations are.
#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <vector>

#include "transport/fec_packets.h"

using namespace sotto;
using namespace sotto::transport;
using namespace sotto::test;

namespace {

// Polynomials over bits modulo 0x11D, multiplied bit by bit.
std::uint8_t times(std::uint8_t a, std::uint8_t b) {
    unsigned product = 0, shifted = a;
    for (unsigned bit = 0; bit < 8; ++bit) {
        if ((b >> bit & 1U) != 0) product ^= shifted;
        shifted = (shifted & 0x80U) != 0 ? shifted << 1U ^ 0x11dU : shifted << 1U;
    }
    return static_cast<std::uint8_t>(product);
}

std::uint8_t reciprocal(std::uint8_t a) {
    std::uint8_t power = a;  // a^254, as a^255 is 1
    for (int i = 1; i < 254; ++i) power = times(power, a);
    return power;
}

std::uint8_t cauchy(std::uint16_t own, std::int64_t source) {
    return reciprocal(static_cast<std::uint8_t>((128 + own % 128) ^ source % 128));
}

struct Equation {
    std::uint16_t own = 0;
    std::int64_t first = 0;
    std::int64_t count = 0;
};

// The packets not among `came` that the equations determine.
std::set<std::int64_t> determined(const std::vector<Equation>& equations, const Packets& came) {
    std::vector<std::int64_t> unknowns;
    for (const Equation& e : equations) {
        for (std::int64_t n = e.first; n < e.first + e.count; ++n) {
            if (!came.packets.contains(n) && std::ranges::find(unknowns, n) == unknowns.end()) unknowns.push_back(n);
        }
    }
    std::vector<std::vector<std::uint8_t>> rows;
    for (const Equation& e : equations) {
        std::vector<std::uint8_t> row;
        for (const std::int64_t n : unknowns) {
            row.push_back(n >= e.first && n < e.first + e.count ? cauchy(e.own, n) : std::uint8_t{0});
        }
        rows.push_back(row);
    }
    std::size_t rank = 0;
    for (std::size_t c = 0; c < unknowns.size(); ++c) {
        const auto pivot = std::find_if(rows.begin() + static_cast<std::ptrdiff_t>(rank), rows.end(),
                                        [&](const auto& row) { return row[c] != 0; });
        if (pivot == rows.end()) continue;
        std::swap(*pivot, rows[rank]);
        const std::uint8_t one_over = reciprocal(rows[rank][c]);
        for (std::uint8_t& entry : rows[rank]) entry = times(entry, one_over);
        for (std::size_t r = 0; r < rows.size(); ++r) {
            const std::uint8_t factor = rows[r][c];
            if (r == rank || factor == 0) continue;
            for (std::size_t k = 0; k < unknowns.size(); ++k) rows[r][k] ^= times(factor, rows[rank][k]);
        }
        ++rank;
    }
    std::set<std::int64_t> known;
    for (const auto& row : rows) {
        if (std::ranges::count_if(row, [](std::uint8_t entry) { return entry != 0; }) != 1) continue;
        known.insert(unknowns[static_cast<std::size_t>(
            std::ranges::find_if(row, [](std::uint8_t entry) { return entry != 0; }) - row.begin())]);
    }
    return known;
}

constexpr std::int64_t first_sent = soon_over_the_wrap;
constexpr std::int64_t packets_sent = 100;  // all within the decoder's reach

struct Channel {
    double loss = 0;           // of sources
    std::size_t repairs = 0;   // that come
    std::int64_t longest = 0;  // window
};

struct Outcome {
    std::set<std::int64_t> brought_back;
    std::set<std::int64_t> solvable;          // by all repair packets together
    std::set<std::int64_t> solvable_by_last;  // by those that the decoder has room for
    std::size_t lost = 0;
    std::size_t most_missing = 0;  // of one window
};

// Sources, some of them late, and repair packets in a random order.
Outcome run(const Channel& channel, test::SeededRandom& random) {
    Packets sent;
    for (std::int64_t n = 0; n < packets_sent; ++n) {
        sent.packets[first_sent + n] = random_packet(first_sent + n, random, 60);
    }
    std::vector<std::int64_t> late;
    Packets came, never_lost;
    Outcome outcome;
    for (const auto& [number, packet] : sent.packets) {
        // The newest one came: it tells what is missing before it.
        if (number + 1 < first_sent + packets_sent && random.chance(channel.loss)) {
            ++outcome.lost;
            continue;
        }
        never_lost.packets[number] = packet;
        if (number + 1 < first_sent + packets_sent && random.chance(0.1)) {
            late.push_back(number);
        } else {
            came.packets[number] = packet;
        }
    }
    FecDecoder decoder;
    std::vector<Equation> equations;
    auto own = static_cast<std::uint16_t>(random.below(65536));
    while (equations.size() < channel.repairs || !late.empty()) {
        if (!late.empty() && (equations.size() == channel.repairs || random.chance(0.3))) {
            came.packets[late.back()] = sent.packets.at(late.back());
            late.pop_back();
        } else {
            const auto count = static_cast<std::int64_t>(1 + random.below(static_cast<std::size_t>(channel.longest)));
            const auto back =
                static_cast<std::int64_t>(random.below(static_cast<std::size_t>(packets_sent - count + 1)));
            own = static_cast<std::uint16_t>(own + 1 + random.below(3));  // some repair packets are lost, too
            const Equation equation{own, first_sent + back, count};
            const Buffer bytes =
                repair(sent.window(equation.first, static_cast<std::size_t>(count)), SequenceNumber{own});
            REQUIRE(decoder.insert(bytes, SequenceNumber{own}, first_sent + packets_sent - 1));
            equations.push_back(equation);
        }
        REQUIRE(take_all(decoder, came, sent));  // never a wrong byte
    }
    for (const auto& [number, packet] : came.packets) {
        if (!never_lost.packets.contains(number)) outcome.brought_back.insert(number);
    }
    outcome.solvable = determined(equations, never_lost);
    const std::size_t first_held = equations.size() - std::min(equations.size(), FecDecoder::max_held);
    equations.erase(equations.begin(), equations.begin() + static_cast<std::ptrdiff_t>(first_held));
    outcome.solvable_by_last = determined(equations, never_lost);
    for (const Equation& e : equations) {
        std::size_t missing = 0;
        for (std::int64_t n = e.first; n < e.first + e.count; ++n) missing += never_lost.packets.contains(n) ? 0 : 1;
        outcome.most_missing = std::max(outcome.most_missing, missing);
    }
    CHECK(decoder.counts().contradicted == 0);
    return outcome;
}

}  // namespace

TEST_CASE("the decoder brings back exactly the packets that the equations which came determine") {
    std::size_t brought_back = 0, lost = 0, undetermined = 0;
    for (std::uint64_t seed = 1; seed <= 400; ++seed) {
        CAPTURE(seed);
        test::SeededRandom random(seed);
        const Channel channel{.loss = 0.02 + 0.18 * static_cast<double>(random.below(100)) / 100,
                              .repairs = random.below(FecDecoder::max_held + 1),
                              .longest = static_cast<std::int64_t>(2 + random.below(60))};
        const Outcome outcome = run(channel, random);
        CAPTURE(outcome.lost);
        CHECK(outcome.brought_back == outcome.solvable);
        brought_back += outcome.brought_back.size();
        lost += outcome.lost;
        undetermined += outcome.lost - outcome.solvable.size();
    }
    // The cases tell: packets come back, and packets stay lost.
    CHECK(brought_back > lost / 10);
    CHECK(undetermined > lost / 10);
}

// What its memory bounds: the newest max_held repair packets, 48 lost packets looked at together, and of a window no
// more lost ones than repair packets are held.
TEST_CASE("of more repair packets than the decoder holds it brings back at least what the newest of them determine") {
    std::size_t cases = 0, less = 0;
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
        CAPTURE(seed);
        test::SeededRandom random(seed + 5000);
        const Channel channel{.loss = 0.1 + 0.3 * static_cast<double>(random.below(100)) / 100,
                              .repairs = FecDecoder::max_held + 1 + random.below(30),
                              .longest = static_cast<std::int64_t>(2 + random.below(90))};
        const Outcome outcome = run(channel, random);
        CHECK(std::ranges::includes(outcome.solvable, outcome.brought_back));
        if (outcome.lost > 48 || outcome.most_missing > FecDecoder::max_held) continue;
        ++cases;
        CHECK(std::ranges::includes(outcome.brought_back, outcome.solvable_by_last));
        if (outcome.brought_back != outcome.solvable) ++less;
    }
    CHECK(cases > 100);
    CHECK(less > 0);  // the bound is one: with more room more would come back
}
