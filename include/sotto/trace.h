// Where one frame's time went: a time stamp at each stage of its way.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "sotto/export.h"
#include "sotto/media.h"
#include "sotto/time.h"

namespace sotto {

// In the order in which a frame passes them. A sender stamps the first three, a receiver the others.
enum class Stage : std::uint8_t {
    captured,   // the client says so: AudioBlock::captured, VideoFrame::captured
    encoded,    // the codec is done
    protect,    // all its packets are encrypted and queued
    received,   // its last packet came in
    unprotect,  // ... and is authentic and stored
    dequeued,   // its turn: frame complete and in order, or block due
    decoded,    // handed to the client
};
inline constexpr std::size_t stage_count = static_cast<std::size_t>(Stage::decoded) + 1;

// What a frame spent before reaching this stage: "encode" for Stage::encoded, and so on.
SOTTO_API std::string_view step_name(Stage stage);

struct FrameTrace {
    Medium medium = Medium::audio;
    std::uint32_t timestamp = 0;            // RTP: names the frame on both sides
    std::uint32_t number = 0;               // at the sender: how many frames of this medium came before
    std::array<Instant, stage_count> at{};  // zero where not passed

    Instant& operator[](Stage stage) { return at[static_cast<std::size_t>(stage)]; }
    Instant operator[](Stage stage) const { return at[static_cast<std::size_t>(stage)]; }
};

// Read at stage boundaries for traces alone; nothing is decided by it.
using TraceClock = Instant (*)();

}  // namespace sotto
