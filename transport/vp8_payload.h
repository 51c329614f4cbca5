// The RTP payload format for VP8 (RFC 7741).
#pragma once

#include <cstdint>
#include <optional>

#include "sotto/bytes.h"
#include "sotto/error.h"
#include "sotto/media.h"
#include "transport/rtp.h"

namespace sotto::transport {

// RFC 7741 §4.2.
struct Vp8Descriptor {
    bool non_reference = false;               // N
    bool start_of_partition = false;          // S
    std::uint8_t partition = 0;               // PID
    std::optional<std::uint16_t> picture_id;  // 7 or 15 bits
    std::optional<std::uint8_t> tl0_pic_idx;
    std::optional<std::uint8_t> temporal_layer;  // TID
    bool layer_sync = false;                     // Y
    std::optional<std::uint8_t> key_index;

    bool starts_frame() const { return start_of_partition && partition == 0; }
};

struct Vp8Payload {
    Vp8Descriptor descriptor;
    Bytes data;              // what follows the descriptor, never empty
    bool key_frame() const;  // of a payload that starts a frame: P bit clear (RFC 6386 §9.1)
};

// Errors: truncated, malformed (reserved partition index).
Result<Vp8Payload> parse_vp8(Bytes payload);

// As we write it: X, I and two bytes of picture id; in layers or from a golden frame up to two more.
inline constexpr std::size_t vp8_descriptor_size = 4;
inline constexpr std::size_t max_vp8_descriptor_size = 6;

// What both sides keep to (docs/protocol.md §9): no frame takes more packets, and every receiver can hold that many.
inline constexpr std::size_t max_frame_packets = 80;
inline constexpr std::size_t max_frame_size = max_frame_packets * (max_media_payload - max_vp8_descriptor_size);
inline constexpr std::size_t max_received_frame_size = 96000;
static_assert(max_frame_size <= max_received_frame_size);

// Cuts one encoded frame into payloads of about equal size: the descriptor with a 15-bit picture id, then data.
class Vp8Packetizer {
  public:
    static constexpr std::size_t descriptor_size = vp8_descriptor_size;

    // `max_payload` counts the descriptor, at least max_vp8_descriptor_size + 1 (descriptor_size + 1 for bytes alone,
    // which are a frame without layers). The frame must outlive the packetizer.
    Vp8Packetizer(const EncodedFrame& frame, std::size_t max_payload, std::uint16_t picture_id);
    Vp8Packetizer(Bytes frame, std::size_t max_payload, std::uint16_t picture_id);

    std::size_t packets_left() const { return packets_left_; }
    bool done() const { return packets_left_ == 0; }
    // Writes the next payload and gives its size. Errors: wrong_state (done), too_large (`out` too short).
    Result<std::size_t> next(MutableBytes out);

  private:
    EncodedFrame frame_;  // its bytes: those left
    std::size_t packets_left_ = 0;
    std::uint16_t picture_id_ = 0;
    bool first_ = true;
};

}  // namespace sotto::transport
