// Redundant audio data (RFC 2198): one RTP payload that holds earlier blocks again before the present one.
#pragma once

#include <array>
#include <span>

#include "base/strong_integer.h"
#include "sotto/bytes.h"
#include "sotto/error.h"

namespace sotto::transport {

struct RedBlock {
    PayloadType type{};
    std::uint32_t timestamp_offset = 0;  // how much earlier than the packet's time stamp; 0 for the primary block
    Bytes bytes{};
};

inline constexpr std::size_t max_red_blocks = 8;
inline constexpr std::uint32_t max_red_offset = (1U << 14) - 1;    // RFC 2198 §3: 14 bits
inline constexpr std::size_t max_red_block_size = (1U << 10) - 1;  // 10 bits; the primary block may be larger

struct RedPacket {
    std::span<const RedBlock> blocks() const { return std::span(room).first(count); }  // oldest first, last the primary

    std::array<RedBlock, max_red_blocks> room{};  // the blocks view the payload
    std::size_t count = 0;
};

// Oldest first, the last is the primary; gives the payload's size. Errors: invalid_argument (no or too many blocks, an
// empty one, offsets that do not fall to 0, a payload type of 8 bits), too_large (an offset, a block, or for `out`).
Result<std::size_t> write_red(std::span<const RedBlock> blocks, MutableBytes out);

// All but the primary block's bytes, which go behind; gives their size. `earlier`: oldest first, at least one. Errors:
// as above.
Result<std::size_t> write_red_front(std::span<const RedBlock> earlier, PayloadType primary, MutableBytes out);

// Errors: truncated, malformed (an empty block, offsets that do not fall), too_large (more blocks than we hold).
Result<RedPacket> parse_red(Bytes payload);

}  // namespace sotto::transport
