// A synthetic scene and voice: what a camera and a microphone might give, the same at every run.
#pragma once

#include <cstdint>
#include <span>

#include "codec/i420.h"

namespace sotto::app {

// Frame `index` of a scene at `frame_rate`: two textured shapes that move over a panning background, a cut every four
// seconds, camera noise.
void render_scene(std::uint64_t index, double frame_rate, codec::I420Buffer& out);

// 48 kHz samples from number `first` on: voiced syllables (harmonics under a moving formant) with pauses.
void render_voice(std::uint64_t first, std::span<std::int16_t> out, int channels);

}  // namespace sotto::app
