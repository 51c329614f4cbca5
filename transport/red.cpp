#include "transport/red.h"

#include <algorithm>

#include "base/byte_reader.h"
#include "base/byte_writer.h"
#include "base/copy_bytes.h"

namespace sotto::transport {
namespace {

// RFC 2198 §3: F, the block's payload type, then for all but the primary the offset and the length.
constexpr std::uint8_t more_follow = 0x80;
constexpr unsigned length_bits = 10;
constexpr std::size_t earlier_header_size = 4;

// Each block is older than the one after it: nobody is told of one block twice, or of one from the future.
bool in_order(std::span<const RedBlock> earlier) {
    for (std::size_t i = 0; i < earlier.size(); ++i) {
        const std::uint32_t next = i + 1 < earlier.size() ? earlier[i + 1].timestamp_offset : 0;
        if (earlier[i].timestamp_offset <= next) return false;
    }
    return true;
}

// Headers, then the earlier blocks.
Result<std::size_t> write_front(std::span<const RedBlock> earlier, PayloadType primary, MutableBytes out) {
    if (earlier.size() >= max_red_blocks || !in_order(earlier) || primary.value >= more_follow) {
        return Failure(Error::invalid_argument);
    }
    ByteWriter writer(out);
    for (const RedBlock& block : earlier) {
        if (block.bytes.empty() || block.type.value >= more_follow) return Failure(Error::invalid_argument);
        if (block.timestamp_offset > max_red_offset) return Failure(Error::too_large);
        if (block.bytes.size() > max_red_block_size) return Failure(Error::too_large);
        const auto first = static_cast<std::uint32_t>(more_follow | block.type.value);
        writer.u32(first << 24 | block.timestamp_offset << length_bits |
                   static_cast<std::uint32_t>(block.bytes.size()));
    }
    writer.u8(primary.value);
    for (const RedBlock& block : earlier) writer.bytes(block.bytes);
    if (!writer.ok()) return Failure(Error::too_large);
    return writer.size();
}

}  // namespace

Result<std::size_t> write_red_front(std::span<const RedBlock> earlier, PayloadType primary, MutableBytes out) {
    if (earlier.empty()) return Failure(Error::invalid_argument);
    return write_front(earlier, primary, out);
}

Result<std::size_t> write_red(std::span<const RedBlock> blocks, MutableBytes out) {
    if (blocks.empty() || blocks.back().bytes.empty() || blocks.back().timestamp_offset != 0) {
        return Failure(Error::invalid_argument);
    }
    const RedBlock& primary = blocks.back();
    const auto front = write_front(blocks.first(blocks.size() - 1), primary.type, out);
    if (!front) return front;
    if (primary.bytes.size() > out.size() - *front) return Failure(Error::too_large);
    copy_bytes(primary.bytes, out.subspan(*front));
    return *front + primary.bytes.size();
}

Result<RedPacket> parse_red(Bytes payload) {
    RedPacket packet;
    std::array<std::size_t, max_red_blocks> sizes{};
    ByteReader in(payload);
    while (!in.empty() && (std::to_integer<std::uint8_t>(in.rest()[0]) & more_follow) != 0) {
        if (in.remaining() < earlier_header_size) return Failure(Error::truncated);
        if (packet.count + 1 == max_red_blocks) return Failure(Error::too_large);
        const auto header = in.u32();
        sizes[packet.count] = *header & max_red_block_size;
        packet.room[packet.count++] = {.type = {static_cast<std::uint8_t>(*header >> 24 & 0x7f)},
                                       .timestamp_offset = *header >> length_bits & max_red_offset};
    }
    const auto primary = in.u8();
    if (!primary) return Failure(Error::truncated);
    for (std::size_t i = 0; i < packet.count; ++i) {
        const auto bytes = in.take(sizes[i]);
        if (!bytes) return Failure(Error::truncated);
        packet.room[i].bytes = *bytes;
    }
    packet.room[packet.count++] = {.type = {*primary}, .bytes = in.rest()};
    if (!in_order(packet.blocks().first(packet.count - 1))) return Failure(Error::malformed);
    for (const RedBlock& block : packet.blocks()) {
        if (block.bytes.empty()) return Failure(Error::malformed);
    }
    return packet;
}

}  // namespace sotto::transport
