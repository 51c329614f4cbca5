#include "transport/vp8_payload.h"

#include "base/byte_reader.h"
#include "base/byte_writer.h"

namespace sotto::transport {
namespace {

// The optional fields that X announces (RFC 7741 §4.2).
Result<void> read_extension(ByteReader& in, Vp8Descriptor& out) {
    const auto flags = in.u8();
    if (!flags) return Failure(Error::truncated);
    const bool has_picture_id = (*flags & 0x80) != 0;
    const bool has_tl0 = (*flags & 0x40) != 0;
    const bool has_tid = (*flags & 0x20) != 0;
    const bool has_key_index = (*flags & 0x10) != 0;
    if (has_picture_id) {
        const auto high = in.u8();
        if (!high) return Failure(Error::truncated);
        out.picture_id = *high;
        if ((*high & 0x80) != 0) {
            const auto low = in.u8();
            if (!low) return Failure(Error::truncated);
            out.picture_id = static_cast<std::uint16_t>((*high & 0x7f) << 8 | *low);
        }
    }
    if (has_tl0) {
        const auto index = in.u8();
        if (!index) return Failure(Error::truncated);
        out.tl0_pic_idx = *index;
    }
    if (has_tid || has_key_index) {
        const auto field = in.u8();
        if (!field) return Failure(Error::truncated);
        if (has_tid) {
            out.temporal_layer = static_cast<std::uint8_t>(*field >> 6);
            out.layer_sync = (*field & 0x20) != 0;
        }
        if (has_key_index) out.key_index = static_cast<std::uint8_t>(*field & 0x1f);
    }
    return {};
}

std::size_t written_size(const EncodedFrame& frame) {
    if (frame.temporal_layer) return max_vp8_descriptor_size;
    return vp8_descriptor_size + (frame.key_index ? 1 : 0);
}

int bit(bool set, int mask) { return set ? mask : 0; }

void write_descriptor(ByteWriter& out, const EncodedFrame& frame, std::uint16_t picture_id, bool first) {
    const bool layered = frame.temporal_layer.has_value();
    const int layer = frame.temporal_layer.value_or(0);
    // RFC 7741 §4.2: X, N, S on the frame's first packet, PID 0; I, L and T in layers, K; M: 15 bits.
    out.u8(static_cast<std::uint8_t>(0x80 | bit(frame.non_reference, 0x20) | bit(first, 0x10)))
        .u8(static_cast<std::uint8_t>(0x80 | bit(layered, 0x60) | bit(frame.key_index.has_value(), 0x10)))
        .u16(static_cast<std::uint16_t>(0x8000 | picture_id));
    if (layered) out.u8(frame.tl0_pic_idx);
    if (layered || frame.key_index) {
        out.u8(static_cast<std::uint8_t>(layer << 6 | bit(frame.layer_sync, 0x20) | frame.key_index.value_or(0)));
    }
}

}  // namespace

bool Vp8Payload::key_frame() const { return (std::to_integer<int>(data[0]) & 1) == 0; }

Result<Vp8Payload> parse_vp8(Bytes payload) {
    ByteReader in(payload);
    const auto first = in.u8();
    if (!first) return Failure(Error::truncated);
    Vp8Payload parsed;
    parsed.descriptor.non_reference = (*first & 0x20) != 0;
    parsed.descriptor.start_of_partition = (*first & 0x10) != 0;
    parsed.descriptor.partition = static_cast<std::uint8_t>(*first & 0x0f);
    if (parsed.descriptor.partition > 8) return Failure(Error::malformed);  // RFC 6386 §9.5: at most 8 DCT partitions
    if ((*first & 0x80) != 0) {
        const auto read = read_extension(in, parsed.descriptor);
        if (!read) return Failure(read.error());
    }
    if (in.empty()) return Failure(Error::truncated);
    parsed.data = in.rest();
    return parsed;
}

Vp8Packetizer::Vp8Packetizer(const EncodedFrame& frame, std::size_t max_payload, std::uint16_t picture_id)
    : frame_(frame), picture_id_(picture_id) {
    const std::size_t descriptor = written_size(frame);
    const std::size_t room = max_payload > descriptor ? max_payload - descriptor : 1;
    packets_left_ = (frame.bytes.size() + room - 1) / room;
}

Vp8Packetizer::Vp8Packetizer(Bytes frame, std::size_t max_payload, std::uint16_t picture_id)
    : Vp8Packetizer(EncodedFrame{.bytes = frame}, max_payload, picture_id) {}

Result<std::size_t> Vp8Packetizer::next(MutableBytes out) {
    if (done()) return Failure(Error::wrong_state);
    const std::size_t share = (frame_.bytes.size() + packets_left_ - 1) / packets_left_;
    if (out.size() < written_size(frame_) + share) return Failure(Error::too_large);
    ByteWriter writer(out);
    write_descriptor(writer, frame_, picture_id_, first_);
    writer.bytes(frame_.bytes.first(share));
    frame_.bytes = frame_.bytes.subspan(share);
    --packets_left_;
    first_ = false;
    return writer.size();
}

}  // namespace sotto::transport
