// Puts VP8 packets back into frames, in decode order, without added delay: a frame is given when it is complete and
// everything before it was given or given up.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/strong_integer.h"
#include "sotto/error.h"
#include "sotto/time.h"
#include "transport/rtp.h"

namespace sotto::transport {

struct AssembledFrame {
    Bytes bytes;                 // the VP8 frame; views the buffer's memory until the next insert() or next()
    bool key = false;
    RtpTimestamp timestamp{};
    Instant first_packet{};      // arrival of its first and last packet
    Instant last_packet{};
};

struct VideoJitterBufferSettings {
    std::size_t packets = 128;                        // slots of max_datagram bytes; a power of two
    std::size_t max_frame = 96 * 1024;                // bytes; larger frames are skipped and counted
    Duration give_up = std::chrono::milliseconds(400);  // how long a missing packet holds up complete later frames
};

class VideoJitterBuffer {
  public:
    explicit VideoJitterBuffer(const VideoJitterBufferSettings& settings);

    // One authentic packet; `extended` is its unwrapped sequence number. Copies the payload.
    // Errors: truncated, malformed (payload descriptor), too_late (its frame is past), replayed (already here),
    // too_large. None of them disturbs what is held.
    Result<void> insert(const RtpPacket& packet, std::int64_t extended, Instant now);

    // The next frame to decode, if it is complete. Starts at a key frame; after a gap is given up it skips to the next
    // complete key frame and says so through wants_key_frame() until one is given.
    std::optional<AssembledFrame> next(Instant now);
    // When next() may change its answer though nothing arrives (a gap's give-up time); `never` if it can't.
    Instant deadline() const;

    // True while nothing can be decoded until a key frame comes: ask for one (PLI).
    bool wants_key_frame() const { return waiting_for_key_; }
    // The decoder refused what it was given: start again at a key frame.
    void require_key_frame();

    // All packets before this number are past: no use asking for them.
    std::int64_t first_wanted() const { return next_; }
    std::uint64_t frames_skipped() const { return frames_skipped_; }
    std::size_t memory() const;  // bytes held

  private:
    struct Slot {
        std::int64_t number = -1;  // -1: empty
        RtpTimestamp timestamp{};
        Instant arrived{};
        std::uint16_t size = 0;
        bool first = false;  // starts a frame
        bool last = false;   // marker
        bool key = false;
    };
    VideoJitterBufferSettings settings_;
    std::vector<Slot> slots_;
    std::vector<std::byte> packets_;
    std::vector<std::byte> frame_;
    std::int64_t next_ = -1;     // number of the next frame's first packet; -1 before the first packet
    std::int64_t highest_ = -1;
    bool waiting_for_key_ = true;
    std::uint64_t frames_skipped_ = 0;
};

}  // namespace sotto::transport
