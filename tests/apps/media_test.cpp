// The command line's media: what the report's figures rest on.
#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "apps/sotto/audio_similarity.h"
#include "apps/sotto/media_source.h"
#include "apps/sotto/recorder.h"
#include "apps/sotto/test_source.h"
#include "codec/vp8_encoder.h"
#include "support/random.h"

using namespace sotto;
using namespace sotto::app;

namespace {

std::vector<std::int16_t> voice(std::size_t samples) {
    std::vector<std::int16_t> made(samples);
    render_voice(0, made, 1);
    return made;
}

// A file name of our own, removed at the end.
struct TemporaryFile {
    explicit TemporaryFile(const std::string& name)
        : path(std::filesystem::temp_directory_path() / (std::to_string(std::random_device()()) + name)) {}
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;
    ~TemporaryFile() { std::filesystem::remove(path); }
    std::filesystem::path path;
};

// 16-bit PCM, mono.
void write_wav(const std::filesystem::path& path, std::span<const std::int16_t> samples, std::uint32_t rate) {
    std::ofstream file(path, std::ios::binary);
    const auto put = [&](auto value) { file.write(reinterpret_cast<const char*>(&value), sizeof(value)); };
    const auto bytes = static_cast<std::uint32_t>(samples.size_bytes());
    file << "RIFF";
    put(bytes + 36);
    file << "WAVEfmt ";
    put(std::uint32_t{16}), put(std::uint16_t{1}), put(std::uint16_t{1}), put(rate), put(rate * 2);
    put(std::uint16_t{2}), put(std::uint16_t{16});
    file << "data";
    put(bytes);
    file.write(reinterpret_cast<const char*>(samples.data()), static_cast<std::streamsize>(bytes));
}

}  // namespace

TEST_CASE("what was heard unchanged but late is wholly similar, and the lag is found") {
    const auto sent = voice(5 * 48000);
    for (const std::int64_t lag : {0, 480, 12345}) {
        CAPTURE(lag);
        std::vector<std::int16_t> heard(static_cast<std::size_t>(lag));
        heard.insert(heard.end(), sent.begin(), sent.end());
        const AudioSimilarity measured = audio_similarity(sent, heard);
        CHECK(measured.similarity > 0.99);
        CHECK(measured.lag == lag);
    }
}

TEST_CASE("noise, silence and another voice are not similar") {
    const auto sent = voice(4 * 48000);
    test::SeededRandom random(1);
    std::vector<std::int16_t> noise(sent.size());
    for (auto& sample : noise) sample = static_cast<std::int16_t>(random.below(8000));
    CHECK(audio_similarity(sent, noise).similarity < 0.5);
    CHECK(audio_similarity(sent, std::vector<std::int16_t>(sent.size())).similarity < 0.1);
    std::vector<std::int16_t> backwards(sent.rbegin(), sent.rend());
    CHECK(audio_similarity(sent, backwards).similarity < 0.9);
}

TEST_CASE("the scene moves, is cut, and is the same at every run") {
    auto first = codec::I420Buffer::create(320, 180), second = codec::I420Buffer::create(320, 180);
    render_scene(10, 30, *first);
    render_scene(10, 30, *second);
    CHECK(codec::luma_psnr(first->view({}), second->view({})) == 99.0);
    render_scene(11, 30, *second);
    const double moved = *codec::luma_psnr(first->view({}), second->view({}));
    CHECK(moved < 45);
    render_scene(130, 30, *second);  // after the cut at four seconds
    CHECK(*codec::luma_psnr(first->view({}), second->view({})) < moved);
}

TEST_CASE("a sound file of another rate comes out at 48 kHz, and loops where asked") {
    const TemporaryFile file(".wav");
    std::vector<std::int16_t> tone(16000);
    for (std::size_t i = 0; i < tone.size(); ++i) {
        tone[i] = static_cast<std::int16_t>(8000 * std::sin(2 * 3.14159265 * 440 * static_cast<double>(i) / 16000));
    }
    write_wav(file.path, tone, 16000);
    for (const bool loop : {false, true}) {
        auto source = AudioSource::open(file.path, 1, loop);
        REQUIRE(source);
        std::vector<std::int16_t> out(3 * 48000);
        const auto count = source->read(out);
        REQUIRE(count);
        if (loop) CHECK(*count == out.size());
        if (!loop) CHECK(std::abs(static_cast<long>(*count) - 48000) < 200);
        // 440 Hz: 880 sign changes a second.
        int crossings = 0;
        for (std::size_t i = 1; i < 24000; ++i) crossings += (out[i] < 0) != (out[i - 1] < 0) ? 1 : 0;
        CHECK(std::abs(crossings - 440) < 4);
    }
}

TEST_CASE("a sound file with nothing in it is an error, not an endless loop") {
    const TemporaryFile file(".wav");
    write_wav(file.path, {}, 16000);
    auto source = AudioSource::open(file.path, 1, true);
    std::vector<std::int16_t> out(960);
    CHECK_FALSE((source && source->read(out)));
}

TEST_CASE("a recording plays back the pictures and the sound that went in") {
    const TemporaryFile file(".webm");
    auto recorder = Recorder::open(file.path, 320, 180, 1);
    REQUIRE(recorder);
    auto encoder = codec::Vp8Encoder::create({.width = 320, .height = 180, .bitrate = 2000000});
    auto picture = codec::I420Buffer::create(320, 180);
    const auto sent = voice(2 * 48000);
    constexpr std::size_t pictures = 60;
    std::size_t recorded = 0;
    for (std::size_t i = 0; i < pictures; ++i) {
        const Duration at = std::chrono::milliseconds(i * 1000 / 30);
        render_scene(i, 30, *picture);
        const auto encoded = encoder->encode(picture->view({}), i * 3000);
        REQUIRE(encoded);
        recorded += encoded->bytes.empty() ? 0 : 1;
        if (!encoded->bytes.empty()) REQUIRE(recorder->video(encoded->bytes, encoded->key, at));
        REQUIRE(recorder->audio(std::span(sent).subspan(i * 1600, 1600), at));
    }
    REQUIRE(recorder->close());

    auto shown = VideoSource::open(file.path, 320, 180, 1000, false);
    REQUIRE(shown);
    render_scene(0, 30, *picture);
    const auto first = shown->next();
    REQUIRE(first);
    REQUIRE(*first != nullptr);
    CHECK(*codec::luma_psnr((*first)->view({}), picture->view({})) > 30);
    std::size_t played = 1;
    for (auto next = shown->next(); next && *next != nullptr; next = shown->next()) ++played;
    CHECK(played == recorded);

    auto heard = AudioSource::open(file.path, 1, false);
    REQUIRE(heard);
    std::vector<std::int16_t> out(3 * 48000);
    const auto count = heard->read(out);
    REQUIRE(count);
    CHECK(audio_similarity(sent, std::span(out).first(*count)).similarity > 0.9);
}
