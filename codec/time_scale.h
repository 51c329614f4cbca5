// Makes decoded sound a pitch period shorter or longer without changing its pitch: waveform similarity overlap-add
// (Verhelst and Roelands, 1993), over a block or two. What is neither periodic nor quiet stays as it is, if it may.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace sotto::codec {

inline constexpr std::size_t shortest_period = 120;  // samples a channel at 48 kHz: 2.5 ms
inline constexpr std::size_t longest_period = 720;   // 15 ms

// Removes at most `limit` samples a channel from the interleaved `pcm`, in place. Gives how many.
std::size_t shorten(std::span<std::int16_t> pcm, int channels, std::size_t limit = longest_period);

enum class Fit {
    unheard,  // no splice, rather than one that a listener may notice
    best,     // a long one wherever it is least noticed: for want of it there would be a hole
};

// Inserts at most `limit` samples a channel into the first `frames` of `pcm`, which has room for them. Gives how many.
// The first `heard` of these frames have been played: they are repeated, not changed.
std::size_t stretch(std::span<std::int16_t> pcm, std::size_t frames, int channels, std::size_t limit = longest_period,
                    std::size_t heard = 0, Fit fit = Fit::unheard);

}  // namespace sotto::codec
