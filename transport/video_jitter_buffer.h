// Puts VP8 packets back into frames, in decode order, without added delay: a frame is given when it is complete and
// everything that it refers to was given; what no later frame needs holds nothing up.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/strong_integer.h"
#include "sotto/error.h"
#include "sotto/time.h"
#include "transport/fec.h"
#include "transport/rtp.h"
#include "transport/vp8_payload.h"

namespace sotto::transport {

struct AssembledFrame {
    Bytes bytes{};  // the VP8 frame; views the buffer's memory until the next insert() or next()
    bool key = false;
    RtpTimestamp timestamp{};
};

struct VideoJitterBufferSettings {
    std::size_t packets = 128;                          // slots of max_media_payload bytes; a power of two
    std::size_t max_frame = max_received_frame_size;    // bytes; larger frames are skipped and counted
    Duration give_up = std::chrono::milliseconds(400);  // how long a missing packet holds up complete later frames
};

class VideoJitterBuffer {
  public:
    explicit VideoJitterBuffer(const VideoJitterBufferSettings& settings);

    // One authentic packet; `extended` is its unwrapped sequence number. Copies the payload.
    // Errors: truncated, malformed (payload descriptor), too_late (its frame is past; kept for find_source() all the
    // same), replayed (already here), too_large. None of them disturbs what is held.
    Result<void> insert(const RtpPacket& packet, std::int64_t extended, Instant now);

    // The next frame to decode, if it is complete. Starts at a key frame. In temporal layers (RFC 7741 §4.2,
    // docs/protocol.md §9) a gap is skipped as soon as a frame behind it is complete that does not depend on it; one
    // that was given up, by the next complete key frame or frame from the golden one alone.
    std::optional<AssembledFrame> next(Instant now);
    // When next() may change its answer though nothing arrives (a gap's give-up time); `never` if it can't.
    Instant deadline() const { return blocked_until_; }

    // From when on a key frame should be asked for (PLI): `never` while frames can be decoded, later while a key frame
    // is coming in, else at once.
    Instant key_frame_wanted() const;
    // The decoder refused what it was given: start again at a key frame.
    void require_key_frame();

    // The golden frame that a decoder holds which was given all frames and refused none: its picture id, if it has one.
    std::optional<std::uint16_t> golden() const { return references_.golden ? references_.golden_id : std::nullopt; }

    // A packet that came, for the repair of others: shown or not, until another takes its slot. Views the buffer until
    // the next insert().
    std::optional<FecSource> find_source(std::int64_t extended) const;

    // All packets before this number are past: no use asking for them.
    std::int64_t first_wanted() const { return next_; }
    // Nor for those before this one: while a key frame is waited for, only it and what follows can be shown.
    std::int64_t first_useful() const { return waiting_for_key_ ? std::max(next_, key_from_) : next_; }
    std::uint64_t frames_skipped() const { return frames_skipped_; }
    std::size_t memory() const;  // bytes held

  private:
    struct Slot {
        std::int64_t number = -1;  // -1: empty, or below next_: past
        RtpTimestamp timestamp{};
        Instant arrived{};
        std::uint16_t size = 0;            // of the whole payload
        std::uint8_t descriptor_size = 0;  // bytes before the frame's data
        bool first = false;                // starts a frame
        bool last = false;                 // marker
        bool key = false;
        Vp8Descriptor descriptor{};
    };
    // What a decoder that was given these frames holds, as their descriptors tell it.
    struct References {
        std::optional<std::uint16_t> picture_id;  // of the last frame
        std::optional<std::uint8_t> tl0_pic_idx;  // of the last frame of layer 0, if that was in layers
        std::optional<std::uint8_t> golden;       // KEYIDX of the golden frame
        std::optional<std::uint16_t> golden_id;   // its picture id
        bool layer_1 = true;                      // the last frame of layer 1 since then, if there was one

        void note(const Slot& first);
    };
    // What stands at `from`: a whole frame, the beginning of one, or nothing that can become a frame.
    struct Run {
        enum class State { complete, incomplete, broken } state = State::incomplete;
        std::int64_t end = 0;  // the number after its last packet, or the first missing one
    };

    Slot& slot(std::int64_t number);
    const Slot* find(std::int64_t number) const;
    Bytes payload(const Slot& slot) const;
    const Slot& store(const RtpPacket& packet, const Vp8Payload& parsed, std::int64_t extended, Instant now);
    bool keeps_late(std::int64_t extended) const;
    Run run(std::int64_t from) const;
    AssembledFrame assemble(std::int64_t from, std::int64_t end);
    std::optional<AssembledFrame> next_entry();
    std::optional<AssembledFrame> next_past_gap();
    bool is_entry(const Slot& packet) const;
    bool depends_on_gap(const Slot& first, bool unreferenced) const;
    bool lacks_layer_1(const Slot& first) const;
    void wait_for_key();
    void wait_for_packet(std::int64_t missing, Instant now);
    void skip_to(std::int64_t number);

    VideoJitterBufferSettings settings_;
    std::vector<Slot> slots_;
    std::vector<std::byte> packets_;
    std::vector<std::byte> frame_;
    std::int64_t next_ = -1;  // number of the next frame's first packet; -1 before the first packet
    std::int64_t highest_ = -1;
    bool waiting_for_key_ = true;
    bool started_ = false;  // a frame was given
    References references_;
    std::int64_t key_from_ = -1;  // where the newest key frame begins, or what came before it was asked for ends
    Instant key_started_ = Instant::min();  // when the newest key frame began to arrive, while one is waited for
    Instant blocked_until_ = never;
    std::uint64_t frames_skipped_ = 0;
};

}  // namespace sotto::transport
