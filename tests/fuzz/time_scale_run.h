// Any sound, made shorter and longer: never past what was asked for, and never past its own memory.
#pragma once

#include <algorithm>
#include <cstring>
#include <vector>

#include "codec/time_scale.h"
#include "fuzz/harness.h"

namespace sotto::fuzz {

inline void scale_any_sound(Program program) {
    const std::uint8_t kind = program.u8();
    const int channels = 1 + kind % 2;
    const std::size_t limit = program.u16() % 1000, room = program.u16() % 1000;
    const Bytes sound = program.rest();
    const auto step = static_cast<std::size_t>(channels);
    const std::size_t frames = sound.size() / 2 / step;
    std::vector<std::int16_t> samples((frames + room) * step);
    if (frames > 0) std::memcpy(samples.data(), sound.data(), frames * step * 2);

    const std::size_t heard = kind % 4 < 2 ? 0 : std::min(frames, codec::longest_period);
    const std::vector<std::int16_t> before(samples.begin(),
                                           samples.begin() + static_cast<std::ptrdiff_t>(heard * step));
    const auto fit = kind % 8 < 4 ? codec::Fit::unheard : codec::Fit::best;
    const std::size_t inserted = codec::stretch(samples, frames, channels, limit, heard, fit);
    check(std::ranges::equal(before, std::span(samples).first(before.size())));
    check(inserted <= std::min({limit, room, codec::longest_period}));
    check(inserted == 0 || inserted >= codec::shortest_period);
    samples.resize((frames + inserted) * step);
    samples.shrink_to_fit();
    const std::size_t removed = codec::shorten(samples, channels, limit);
    check(removed <= std::min(limit, frames + inserted) && (removed == 0 || removed >= codec::shortest_period));
}

}  // namespace sotto::fuzz
