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

// In the order in which a frame passes them. A sender stamps those up to `sent`, a receiver the others.
enum class Stage : std::uint8_t {
    captured,    // the client says so: AudioBlock::captured, VideoFrame::captured
    scaled,      // made as small as it is sent; passed where that is smaller than it was captured
    encoded,     // the codec is done
    packetised,  // in packets, which are queued
    paced,       // the pacer let its last packet go
    protect,     // that packet is encrypted, as it leaves: pacing comes first
    sent,        // and given to the client by poll()
    received,    // the packet came in that made it whole
    unprotect,   // ... and is authentic
    repaired,    // passed where that was a repair packet or a retransmission: what was missing is there
    assembled,   // all of it is in the jitter buffer
    dequeued,    // its turn: frame in one piece and in order, or block due
    decoded,     // the codec is done
    shown,       // poll() gives it, or what the client says: Call::shown()
};
inline constexpr std::size_t stage_count = static_cast<std::size_t>(Stage::shown) + 1;

// What a frame spent before reaching this stage: "encode" for Stage::encoded, and so on.
SOTTO_API std::string_view step_name(Stage stage);
constexpr bool is_senders(Stage stage) { return stage < Stage::received; }

struct FrameTrace {
    Medium medium = Medium::audio;
    std::uint32_t timestamp = 0;            // RTP: names the frame on both sides
    std::uint32_t number = 0;               // at the sender: how many frames of this medium came before
    std::array<Instant, stage_count> at{};  // zero where not passed

    Instant& operator[](Stage stage) { return at[static_cast<std::size_t>(stage)]; }
    Instant operator[](Stage stage) const { return at[static_cast<std::size_t>(stage)]; }
};

// Read at stage boundaries for traces, and around the codecs: CallStats' times of encoding and decoding are by it, and
// the encoder's speed, the pictures' size and, as the peer is told what decoding takes, that of the peer's pictures
// follow them. Nothing else is decided by it.
using TraceClock = Instant (*)();

// False where the library was built without traces (-DSOTTO_TRACE=OFF): Call::trace() never gives one then.
SOTTO_API bool traces_frames();

}  // namespace sotto
