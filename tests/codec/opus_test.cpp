#include <doctest/doctest.h>

#include <cmath>
#include <set>

#include "codec/opus_decoder.h"
#include "codec/opus_encoder.h"
#include "support/mutate.h"

using namespace sotto;

namespace {

// A voice-like tone: harmonics of 150 Hz that swell and fade.
std::vector<std::int16_t> tone(std::size_t first, std::size_t frames, int channels) {
    std::vector<std::int16_t> samples;
    for (std::size_t i = first; i < first + frames; ++i) {
        const double t = static_cast<double>(i) / 48000.0;
        double value = 0;
        for (int h = 1; h <= 8; ++h) value += std::sin(2 * 3.14159265 * 150 * h * t) / h;
        const auto sample = static_cast<std::int16_t>(value * 5000 * (0.6 + 0.4 * std::sin(2 * 3.14159265 * 2 * t)));
        for (int c = 0; c < channels; ++c) samples.push_back(sample);
    }
    return samples;
}

double correlation(std::span<const std::int16_t> a, std::span<const std::int16_t> b) {
    double ab = 0, aa = 0, bb = 0;
    for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
        ab += static_cast<double>(a[i]) * b[i], aa += static_cast<double>(a[i]) * a[i];
        bb += static_cast<double>(b[i]) * b[i];
    }
    return ab / std::sqrt(aa * bb + 1);
}

double best_correlation(std::span<const std::int16_t> sent, std::span<const std::int16_t> heard, std::size_t step) {
    double best = 0;
    for (std::size_t lag = 0; lag < 480; ++lag) best = std::max(best, correlation(sent, heard.subspan(lag * step)));
    return best;
}

// A voice whose pitch and formant glide: what comes cannot be guessed from what was.
std::vector<std::int16_t> gliding_voice(std::size_t first, std::size_t count) {
    std::vector<std::int16_t> samples(count);
    for (std::size_t i = 0; i < count; ++i) {
        const double t = static_cast<double>(first + i) / 48000.0;
        const double phase = 2 * 3.14159265 * (120 * t - 8 * std::cos(5 * t));
        const double pitch = 120 + 40 * std::sin(5 * t), formant = 700 + 300 * std::sin(7 * t);
        double sum = 0;
        for (int harmonic = 1; harmonic < 30; ++harmonic) {
            const double distance = (harmonic * pitch - formant) / 500;
            sum += std::sin(harmonic * phase) * std::exp(-distance * distance);
        }
        samples[i] = static_cast<std::int16_t>(2500 * sum);
    }
    return samples;
}

}  // namespace

TEST_CASE("sound survives mono and stereo, in blocks of 10 and 20 ms") {
    for (const int channels : {1, 2}) {
        for (const int ms : {10, 20}) {
            CAPTURE(channels);
            CAPTURE(ms);
            auto encoder =
                codec::OpusEncoder::create({.channels = channels, .frame_ms = ms, .bitrate = 32000 * channels});
            auto decoder = codec::OpusDecoder::create(channels);
            REQUIRE(encoder);
            REQUIRE(decoder);
            const std::size_t frames = encoder->frames_per_block();
            std::vector<std::int16_t> sent, heard;
            for (std::size_t i = 0; i < 50; ++i) {
                const auto samples = tone(i * frames, frames, channels);
                std::array<std::byte, 1275> packet;
                const auto size = encoder->encode({.samples = samples, .channels = channels}, packet);
                REQUIRE(size);
                std::vector<std::int16_t> out(samples.size());
                REQUIRE(decoder->decode(std::span(packet).first(*size), out) == frames);
                sent.insert(sent.end(), samples.begin(), samples.end());
                heard.insert(heard.end(), out.begin(), out.end());
            }
            CHECK(best_correlation(sent, heard, static_cast<std::size_t>(channels)) > 0.85);
        }
    }
}

TEST_CASE("packets are of one size whatever is said, and of several only on request") {
    for (const bool variable : {false, true}) {
        auto encoder = codec::OpusEncoder::create({.variable_rate = variable});
        std::set<std::size_t> sizes;
        for (std::size_t i = 0; i < 100; ++i) {
            const auto samples = i % 20 < 10 ? tone(i * 960, 960, 1) : std::vector<std::int16_t>(960);
            std::array<std::byte, 1275> packet;
            sizes.insert(*encoder->encode({.samples = samples}, packet));
        }
        CHECK((sizes.size() == 1) == !variable);
        if (!variable) CHECK(*sizes.begin() == 80);  // 32 kbit/s in 20 ms
    }
}

TEST_CASE("a lost block comes back from the next packet's FEC, better than concealed") {
    auto encoder = codec::OpusEncoder::create({.bitrate = 32000, .expected_loss = 25});
    auto with_fec = codec::OpusDecoder::create(1);
    auto without = codec::OpusDecoder::create(1);
    std::vector<Buffer> packets;
    for (std::size_t i = 0; i < 60; ++i) {
        Buffer packet(1275);
        const std::vector<std::int16_t> samples = gliding_voice(i * 960, 960);
        packet.resize(*encoder->encode({.samples = samples}, packet));
        packets.push_back(packet);
    }
    auto reference = codec::OpusDecoder::create(1);
    double recovered = 0, concealed = 0;
    std::vector<std::int16_t> expected(960), fec(960), plc(960);
    for (std::size_t i = 0; i + 1 < packets.size(); ++i) {
        REQUIRE(reference->decode(packets[i], expected));
        if (i % 6 != 5) {
            REQUIRE(with_fec->decode(packets[i], fec));
            REQUIRE(without->decode(packets[i], plc));
            continue;
        }
        REQUIRE(with_fec->recover(packets[i + 1], fec) == 960);
        REQUIRE(without->conceal(plc) == 960);
        recovered += correlation(expected, fec);
        concealed += correlation(expected, plc);
    }
    CHECK(recovered > concealed);
    CHECK(recovered > 8);  // of 9 lost blocks
}

TEST_CASE("settings and blocks outside the documented ranges are refused by name") {
    CHECK(codec::OpusEncoder::create({.channels = 3}).error() == Error::invalid_argument);
    CHECK(codec::OpusEncoder::create({.frame_ms = 15}).error() == Error::invalid_argument);
    CHECK(codec::OpusEncoder::create({.bitrate = 5}).error() == Error::invalid_argument);
    CHECK(codec::OpusDecoder::create(0).error() == Error::invalid_argument);
    auto encoder = codec::OpusEncoder::create({});
    std::array<std::byte, 1275> packet;
    const std::vector<std::int16_t> samples(960);
    CHECK(encoder->encode({.samples = std::span(samples).first(480)}, packet).error() == Error::unsupported_media);
    CHECK(encoder->encode({.samples = samples, .channels = 2}, packet).error() == Error::unsupported_media);
    CHECK(encoder->set_bitrate(1).error() == Error::invalid_argument);
    CHECK(encoder->set_expected_loss(101).error() == Error::invalid_argument);
    REQUIRE(encoder->set_bitrate(16000));
    CHECK(*encoder->encode({.samples = samples}, packet) == 40);
}

TEST_CASE("foreign packets are refused or decoded, never a crash") {
    auto decoder = codec::OpusDecoder::create(2);
    test::SeededRandom random(1);
    std::vector<std::int16_t> out(5760 * 2);
    CHECK(decoder->decode({}, out).error() == Error::truncated);
    for (int i = 0; i < 3000; ++i) {
        Buffer packet(1 + random.below(200));
        random.fill(packet);
        const auto frames = decoder->decode(packet, out);
        if (frames) CHECK(*frames <= 5760);
    }
    const Buffer sixty_ms{std::byte{0x18}, std::byte{1}};
    CHECK(decoder->decode(sixty_ms, std::span(out).first(960)).error() == Error::too_large);
}

TEST_CASE("one encoder makes frames of 10 to 60 ms in turn, each as long as it was told, and no others") {
    for (const int channels : {1, 2}) {
        CAPTURE(channels);
        auto encoder = codec::OpusEncoder::create({.channels = channels, .frame_ms = 20, .bitrate = 16000});
        auto decoder = codec::OpusDecoder::create(channels);
        REQUIRE(encoder);
        REQUIRE(decoder);
        std::size_t done = 0;
        std::vector<std::int16_t> sent, heard;
        for (const int ms : {20, 40, 60, 20, 60, 10, 40, 60, 40, 60, 60, 60}) {
            CAPTURE(ms);
            REQUIRE(encoder->set_frame_ms(ms));
            const std::size_t frames = encoder->frames_per_block();
            CHECK(frames == static_cast<std::size_t>(ms) * 48);
            const auto samples = tone(done, frames, channels);
            done += frames;
            std::array<std::byte, 1275> packet;
            const auto size = encoder->encode({.samples = samples, .channels = channels}, packet);
            REQUIRE(size);
            CHECK(*size == static_cast<std::size_t>(ms) * 2);  // 16 kbit/s, whatever the length
            std::vector<std::int16_t> out(samples.size());
            REQUIRE(decoder->decode(std::span(packet).first(*size), out) == frames);
            sent.insert(sent.end(), samples.begin(), samples.end());
            heard.insert(heard.end(), out.begin(), out.end());
        }
        const std::size_t step = static_cast<std::size_t>(channels), from = sent.size() / 2;
        CHECK(best_correlation(std::span(sent).subspan(from, 4800 * step), std::span(heard).subspan(from), step) > 0.8);
        for (const int wrong : {-10, 0, 5, 15, 30, 50, 80, 120}) {
            CAPTURE(wrong);
            CHECK(encoder->set_frame_ms(wrong).error() == Error::invalid_argument);
            CHECK(encoder->settings().frame_ms == 60);
        }
    }
}
