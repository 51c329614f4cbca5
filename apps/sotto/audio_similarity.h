// How alike what was heard is to what was said, whatever the delay between them.
#pragma once

#include <cstdint>
#include <span>

namespace sotto::app {

struct AudioSimilarity {
    double similarity = 0;  // 0 to 1: Pearson correlation of both log spectrograms, negative ones as 0
    std::int64_t lag = 0;   // samples by which `heard` follows `sent`
};

// Both mono, 48 kHz. The lag is where the cross-correlation of the 10 ms loudness envelopes, then of the samples around
// it, is largest (up to `max_lag` samples). The spectrograms: 20 ms Hann windows every 10 ms, energy in 40 bands
// equally spaced on the mel scale from 50 Hz to 8 kHz, in dB with a floor 60 dB under the loudest. Only windows that
// are not silent in `sent` count.
AudioSimilarity audio_similarity(std::span<const std::int16_t> sent, std::span<const std::int16_t> heard,
                                 std::int64_t max_lag = 96000);

}  // namespace sotto::app
