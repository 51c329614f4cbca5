// Frames and blocks as views: whoever hands one over keeps the memory until the call returns.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "sotto/bytes.h"
#include "sotto/time.h"

namespace sotto {

enum class Medium : std::uint8_t { audio = 0, video = 1 };

// One plane of samples, row by row.
struct Plane {
    const std::uint8_t* data = nullptr;
    std::size_t stride = 0;  // bytes from one row to the next, at least the plane's width
};

// I420: 8-bit luma width x height, then the two chroma planes of ceil(width/2) x ceil(height/2).
struct VideoFrame {
    int width = 0;
    int height = 0;
    std::array<Plane, 3> planes{};  // Y, U, V
    Instant captured{};             // at the sender: when the camera took it; at the receiver: see ShownFrame
};

inline constexpr int audio_rate = 48000;  // Hz, the only rate inside Sotto (RFC 7587 §4.1)

// Interleaved signed 16-bit PCM at 48 kHz.
struct AudioBlock {
    std::span<const std::int16_t> samples;  // frames x channels
    int channels = 1;                       // 1 or 2
    Instant captured{};                     // when the first sample was taken

    std::size_t frames() const { return samples.size() / static_cast<std::size_t>(channels); }
};

// One encoded picture or block on its way between codec and transport.
struct EncodedFrame {
    Bytes bytes;
    bool key = false;  // video: decodable on its own
    // Video: its place among the frames before and after it (RFC 7741 §4.2).
    bool non_reference = false;                    // no other frame refers to it
    std::optional<std::uint8_t> temporal_layer{};  // 0 to 2 where there are layers: refers to none of a higher one
    bool layer_sync = false;                       // above layer 0: refers to the last frame of layer 0 alone
    std::uint8_t tl0_pic_idx = 0;                  // of the last frame of layer 0, this one included
    // The golden frame that this one becomes or, where a frame had the same index before, the only one it refers to.
    std::optional<std::uint8_t> key_index{};  // 0 to 31
};

}  // namespace sotto
