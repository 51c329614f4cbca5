#include "codec/time_scale.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>
#include <vector>

#include "support/random.h"

using namespace sotto;

namespace {

constexpr double pi = 3.14159265358979;

std::vector<std::int16_t> tone(double hertz, std::size_t frames, int channels = 1, std::size_t first = 0) {
    std::vector<std::int16_t> samples;
    for (std::size_t i = first; i < first + frames; ++i) {
        const double value = 8000 * std::sin(2 * pi * hertz * static_cast<double>(i) / 48000);
        for (int c = 0; c < channels; ++c) samples.push_back(static_cast<std::int16_t>(c == 0 ? value : value / 2));
    }
    return samples;
}

int largest_step(std::span<const std::int16_t> samples, std::size_t apart = 1) {
    int largest = 0;
    for (std::size_t i = apart; i < samples.size(); ++i)
        largest = std::max(largest, std::abs(samples[i] - samples[i - apart]));
    return largest;
}

int rises_through_zero(std::span<const std::int16_t> samples) {
    int count = 0;
    for (std::size_t i = 1; i < samples.size(); ++i) count += samples[i - 1] < 0 && samples[i] >= 0 ? 1 : 0;
    return count;
}

std::vector<std::int16_t> noise(std::size_t frames, std::uint64_t seed, int loud) {
    test::SeededRandom random(seed);
    std::vector<std::int16_t> samples(frames);
    for (auto& sample : samples)
        sample =
            static_cast<std::int16_t>(static_cast<int>(random.below(static_cast<std::size_t>(2 * loud + 1))) - loud);
    return samples;
}

}  // namespace

TEST_CASE("a tone loses whole periods without a click, and keeps its pitch") {
    for (const double hertz : {100.0, 150.0, 220.0, 317.0, 440.0}) {
        for (const std::size_t frames : {std::size_t{480}, std::size_t{960}}) {
            CAPTURE(hertz);
            CAPTURE(frames);
            std::vector<std::int16_t> heard;
            std::size_t removed = 0, blocks = 100;
            for (std::size_t block = 0; block < blocks; ++block) {
                auto pcm = tone(hertz, frames, 1, block * frames);
                if (block % 3 == 0) {
                    const std::size_t fewer = codec::shorten(pcm, 1);
                    CHECK((fewer == 0 || (fewer >= codec::shortest_period && fewer <= codec::longest_period)));
                    removed += fewer;
                    pcm.resize(frames - fewer);
                }
                heard.insert(heard.end(), pcm.begin(), pcm.end());
            }
            CHECK(heard.size() == blocks * frames - removed);
            if (48000 / hertz < static_cast<double>(frames) * 0.7) CHECK(removed > 34 * codec::shortest_period);
            CHECK(largest_step(heard) <= 1.2 * largest_step(tone(hertz, 4800)) + 2);
            const double expected = hertz * static_cast<double>(heard.size()) / 48000;
            CHECK(rises_through_zero(heard) >= expected * 0.99 - 1);
            CHECK(rises_through_zero(heard) <= expected * 1.01 + 1);
        }
    }
}

TEST_CASE("a tone gains whole periods without a click, and keeps its pitch, in mono and in stereo") {
    for (const int channels : {1, 2}) {
        for (const double hertz : {100.0, 150.0, 220.0, 317.0, 440.0}) {
            CAPTURE(channels);
            CAPTURE(hertz);
            const auto step = static_cast<std::size_t>(channels);
            std::vector<std::int16_t> heard;
            std::size_t inserted = 0;
            for (std::size_t block = 0; block < 100; ++block) {
                auto pcm = tone(hertz, 960, channels, block * 960);
                pcm.resize((960 + codec::longest_period) * step);
                const std::size_t more = codec::stretch(pcm, 960, channels);
                inserted += more;
                pcm.resize((960 + more) * step);
                heard.insert(heard.end(), pcm.begin(), pcm.end());
            }
            CHECK(inserted > 100 * codec::shortest_period);
            CHECK(heard.size() == (96000 + inserted) * step);
            std::vector<std::int16_t> left;
            for (std::size_t i = 0; i < heard.size(); i += step) left.push_back(heard[i]);
            CHECK(largest_step(left) <= 1.2 * largest_step(tone(hertz, 4800)) + 2);
            const double expected = hertz * static_cast<double>(left.size()) / 48000;
            CHECK(rises_through_zero(left) >= expected * 0.99 - 1);
            CHECK(rises_through_zero(left) <= expected * 1.01 + 1);
            if (channels == 2) {
                for (std::size_t i = 0; i < heard.size(); i += 2) REQUIRE(std::abs(heard[i] - 2 * heard[i + 1]) <= 4);
            }
        }
    }
}

TEST_CASE("loud noise stays as it is, quiet noise loses or gains exactly what is asked for") {
    auto loud = noise(960, 1, 8000);
    const auto before = loud;
    CHECK(codec::shorten(loud, 1) == 0);
    CHECK(loud == before);
    loud.resize(960 + 720);
    CHECK(codec::stretch(loud, 960, 1) == 0);
    loud.resize(960);
    CHECK(loud == before);

    auto quiet = noise(960 + 720, 2, 20);
    CHECK(codec::shorten(std::span(quiet).first(960), 1, 333) == 333);
    CHECK(codec::stretch(quiet, 960, 1, 444) == 444);
}

TEST_CASE("sound that is needed longer becomes so wherever the splice is heard least, by half the limit or more") {
    constexpr std::size_t heard = codec::longest_period, frames = heard + 480;
    for (const std::size_t limit : {codec::longest_period, std::size_t{400}}) {
        for (std::uint64_t seed = 1; seed <= 20; ++seed) {
            CAPTURE(seed);
            auto loud = noise(frames, seed, 8000);
            const auto before = loud;
            loud.resize(frames + codec::longest_period);
            CHECK(codec::stretch(loud, frames, 1, limit, heard) == 0);
            const std::size_t more = codec::stretch(loud, frames, 1, limit, heard, codec::Fit::best);
            CHECK(more >= limit / 2);
            CHECK(more <= limit);
            CHECK(std::equal(before.begin(), before.begin() + heard, loud.begin()));
            // All of it is still there, after the repetition.
            CHECK(std::equal(before.begin() + heard + 240, before.end(),
                             loud.begin() + static_cast<std::ptrdiff_t>(heard + 240 + more)));
        }
        // A tone keeps its periods: 4 ms, 192 samples.
        auto pcm = tone(250, frames);
        pcm.resize(frames + codec::longest_period);
        const std::size_t more = codec::stretch(pcm, frames, 1, limit, heard, codec::Fit::best);
        CHECK(more >= limit / 2);
        CHECK(more % 192 == 0);
    }
}

TEST_CASE("the limit is kept, and where nothing fits nothing changes") {
    auto pcm = tone(200, 960);
    CHECK(codec::shorten(pcm, 1, 300) == 240);
    auto again = tone(200, 960);
    const auto before = again;
    CHECK(codec::shorten(again, 1, 100) == 0);
    CHECK(codec::stretch(again, 960, 1) == 0);  // no room behind the block
    CHECK(codec::shorten(std::span(again).first(100), 1) == 0);
    CHECK(again == before);
}

TEST_CASE("short blocks gain whole periods of what was heard before them, which stays as it is") {
    constexpr std::size_t frames = 480, heard = codec::longest_period;
    for (const double hertz : {80.0, 110.0, 150.0, 220.0, 317.0}) {
        CAPTURE(hertz);
        std::vector<std::int16_t> sound(heard);
        std::size_t inserted = 0;
        for (std::size_t block = 0; block < 100; ++block) {
            const auto next = tone(hertz, frames, 1, block * frames);
            std::vector<std::int16_t> pcm(sound.end() - heard, sound.end());
            const auto before = pcm;
            pcm.insert(pcm.end(), next.begin(), next.end());
            pcm.resize(heard + frames + codec::longest_period);
            const std::size_t more =
                block < 3 ? 0 : codec::stretch(pcm, heard + frames, 1, codec::longest_period, heard);
            CHECK(std::equal(before.begin(), before.end(), pcm.begin()));
            inserted += more;
            sound.insert(sound.end(), pcm.begin() + heard,
                         pcm.begin() + static_cast<std::ptrdiff_t>(heard + frames + more));
        }
        CHECK(inserted > 90 * codec::shortest_period);
        const auto spoken = std::span(sound).subspan(heard);
        CHECK(largest_step(spoken) <= 1.2 * largest_step(tone(hertz, 4800)) + 2);
        const double expected = hertz * static_cast<double>(spoken.size()) / 48000;
        CHECK(rises_through_zero(spoken) >= expected * 0.99 - 1);
        CHECK(rises_through_zero(spoken) <= expected * 1.01 + 1);
    }
}
