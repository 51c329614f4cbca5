// What the deep loss concealment of Opus 1.5 gains, on real speech.
#include <doctest/doctest.h>
#include <opus.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <memory>

#include "apps/sotto/audio_similarity.h"
#include "apps/sotto/media_source.h"
#include "codec/opus_decoder.h"
#include "codec/opus_encoder.h"
#include "support/random.h"

using namespace sotto;
using namespace sotto::app;

namespace {

constexpr std::size_t seconds = 10;

std::vector<std::int16_t> speech() {
    std::string files;
    std::getline(std::ifstream(SOTTO_SPEECH), files);
    if (files.empty() || !std::filesystem::exists(files.substr(0, files.find(',')))) return {};
    auto source = AudioSource::open(files, 1, true);
    REQUIRE(source);
    std::vector<std::int16_t> samples(seconds * 48000);
    REQUIRE(source->read(samples) == samples.size());
    return samples;
}

// libopus as it conceals without its neural model.
struct Plain {
    std::unique_ptr<::OpusDecoder, decltype(&opus_decoder_destroy)> decoder{opus_decoder_create(48000, 1, nullptr),
                                                                            opus_decoder_destroy};
    void operator()(const Bytes* packet, std::span<std::int16_t> out) {
        const auto* data = packet != nullptr ? reinterpret_cast<const unsigned char*>(packet->data()) : nullptr;
        const auto size = packet != nullptr ? static_cast<opus_int32>(packet->size()) : 0;
        REQUIRE(opus_decode(decoder.get(), data, size, out.data(), static_cast<int>(out.size()), 0) > 0);
    }
};

struct Ours {
    codec::OpusDecoder decoder = std::move(*codec::OpusDecoder::create(1));
    void operator()(const Bytes* packet, std::span<std::int16_t> out) {
        REQUIRE((packet != nullptr ? decoder.decode(*packet, out) : decoder.conceal(out)));
    }
};

struct Heard {
    std::vector<std::int16_t> whole, plain, ours;
};

// `burst` blocks in a row are lost at a time, one block in ten in all.
Heard heard(std::span<const std::int16_t> sent, std::size_t block, std::size_t burst) {
    auto encoder = codec::OpusEncoder::create({.frame_ms = static_cast<int>(block / 48), .expected_loss = 0});
    REQUIRE(encoder);
    Plain whole, plain;
    Ours ours;
    Heard out{std::vector<std::int16_t>(sent.size()), std::vector<std::int16_t>(sent.size()),
              std::vector<std::int16_t>(sent.size())};
    test::SeededRandom random(1);
    std::array<std::byte, 1275> room{};
    std::size_t lost = 0;
    for (std::size_t at = 0; at + block <= sent.size(); at += block) {
        const auto size = encoder->encode({.samples = sent.subspan(at, block), .channels = 1}, room);
        REQUIRE(size);
        const Bytes bytes = Bytes(room).first(*size);
        const auto part = [&](std::vector<std::int16_t>& all) { return std::span(all).subspan(at, block); };
        whole(&bytes, part(out.whole));
        if (lost == 0 && random.below(9 * burst) == 0) lost = burst;
        plain(lost > 0 ? nullptr : &bytes, part(out.plain));
        ours(lost > 0 ? nullptr : &bytes, part(out.ours));
        lost -= lost > 0;
    }
    return out;
}

}  // namespace

TEST_CASE("speech that is lost is concealed by a model of speech, nearer to it than by repeating what was") {
    const auto sent = speech();
    if (sent.empty()) {
        MESSAGE("skipped: ./dev test fetches the speech");
        return;
    }
    for (const std::size_t block : {480UZ, 960UZ}) {
        for (const std::size_t burst : {2UZ, 4UZ}) {
            CAPTURE(block);
            CAPTURE(burst);
            const Heard out = heard(sent, block, burst);
            const double plain = 1 - audio_similarity(out.whole, out.plain, 480).similarity;
            const double ours = 1 - audio_similarity(out.whole, out.ours, 480).similarity;
            MESSAGE("of what the spectrogram lacks in likeness without the model, it leaves ", ours / plain);
            CHECK(plain > 0.01);
            CHECK(ours < 0.9 * plain);
        }
    }
}
