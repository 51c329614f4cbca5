// Pictures that a decoder gives, and the size a VP8 key frame says it has.
#pragma once

#include "codec/vp8_decoder.h"
#include "fuzz/harness.h"

namespace sotto::fuzz {

// RFC 6386 §9.1: 14 bits each, little-endian, behind tag and start code.
inline std::pair<int, int> coded_size(Bytes key_frame) {
    const auto at = [&](std::size_t i) { return std::to_integer<int>(key_frame[i]); };
    return {(at(6) | at(7) << 8) & 0x3fff, (at(8) | at(9) << 8) & 0x3fff};
}

inline bool has_coded_size(const VideoFrame& picture, Bytes key_frame) {
    return std::pair(picture.width, picture.height) == coded_size(key_frame);
}

// Decoding large pictures is slow and finds nothing that small ones do not.
inline bool is_large(Bytes frame) {
    if (frame.size() < 10 || !codec::is_key_frame(frame)) return false;
    const auto [width, height] = coded_size(frame);
    return width * height > 512 * 512;
}

// Every sample, so that a sanitizer sees each.
inline void read_all(const VideoFrame& picture) {
    check(picture.width > 0 && picture.width <= codec::Vp8Decoder::max_dimension);
    check(picture.height > 0 && picture.height <= codec::Vp8Decoder::max_dimension);
    unsigned sum = 0;
    for (std::size_t plane = 0; plane < 3; ++plane) {
        const auto width = static_cast<std::size_t>(plane == 0 ? picture.width : (picture.width + 1) / 2);
        const auto height = static_cast<std::size_t>(plane == 0 ? picture.height : (picture.height + 1) / 2);
        check(picture.planes[plane].stride >= width);
        for (std::size_t row = 0; row < height; ++row) {
            const std::uint8_t* const start = picture.planes[plane].data + row * picture.planes[plane].stride;
            for (const std::uint8_t sample : std::span(start, width)) sum += sample;
        }
    }
    __asm__ __volatile__("" : : "r"(sum));  // the optimiser may not drop the loads
}

}  // namespace sotto::fuzz
