#include "bench/scene.h"

#include <span>

#include "apps/sotto/test_source.h"
#include "bench/measure.h"
#include "codec/vp8_encoder.h"

namespace sotto::bench {
namespace {

constexpr std::size_t voice_blocks = 100;  // then again from the start

}  // namespace

Scene::Scene(std::size_t pictures) : voice_(voice_blocks * block_samples) {
    for (std::size_t i = 0; i < pictures; ++i) {
        pictures_.push_back(must(codec::I420Buffer::create(width, height), "cannot make a picture"));
        app::render_scene(i, frame_rate, pictures_.back());
    }
    app::render_voice(0, voice_, 1);
}

Instant Scene::captured(std::size_t index) {
    return Instant(std::chrono::seconds(1000) +
                   std::chrono::seconds(1) * static_cast<std::int64_t>(index) / frame_rate);
}

VideoFrame Scene::frame(std::size_t index) const {
    const std::size_t period = 2 * pictures_.size() - 2;
    const std::size_t at = index % period;
    return pictures_[at < pictures_.size() ? at : period - at].view(captured(index));
}

AudioBlock Scene::block(std::size_t index) const {
    return {.samples = std::span(voice_).subspan(index % voice_blocks * block_samples, block_samples)};
}

std::vector<Buffer> Scene::encoded(std::size_t count) const {
    auto encoder = must(codec::Vp8Encoder::create({}), "cannot make a VP8 encoder");
    std::vector<Buffer> frames;
    for (std::size_t i = 0; frames.size() < count; ++i) {
        const EncodedFrame made = must(encoder.encode(frame(i), timestamp(i), {.key = i == 0}), "cannot encode");
        if (!made.bytes.empty()) frames.push_back(to_buffer(made.bytes));
    }
    return frames;
}

}  // namespace sotto::bench
