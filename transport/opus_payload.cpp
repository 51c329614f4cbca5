#include "transport/opus_payload.h"

#include "base/byte_reader.h"

namespace sotto::transport {
namespace {

constexpr std::uint32_t max_frames = 5760;     // 120 ms, RFC 6716 §3.2.5 [R5]
constexpr std::size_t max_frame_bytes = 1275;  // RFC 6716 §3.4 [R2]

// Samples per frame at 48 kHz by the configuration number (RFC 6716 §3.1, table 2).
std::uint32_t frame_samples(int config) {
    if (config < 12) {
        constexpr std::uint32_t silk[] = {480, 960, 1920, 2880};
        return silk[config % 4];
    }
    if (config < 16) return config % 2 == 0 ? 480 : 960;  // hybrid
    return 120U << (config % 4);                          // CELT
}

// RFC 6716 §3.2.1: one or two bytes of length.
Result<std::size_t> take_length(ByteReader& in) {
    const auto first = in.u8();
    if (!first) return Failure(Error::malformed);
    if (*first < 252) return *first;
    const auto second = in.u8();
    if (!second) return Failure(Error::malformed);
    return *first + std::size_t{4} * *second;
}

Result<void> check_two_frames(ByteReader& in) {
    const auto length = take_length(in);
    if (!length || *length > in.remaining()) return Failure(Error::malformed);
    if (*length > max_frame_bytes || in.remaining() - *length > max_frame_bytes) return Failure(Error::malformed);
    return {};
}

// RFC 6716 §3.2.5; gives the number of frames.
Result<std::uint32_t> check_many_frames(ByteReader& in) {
    const auto header = in.u8();
    if (!header) return Failure(Error::malformed);
    const std::uint32_t count = *header & 0x3f;
    if (count == 0) return Failure(Error::malformed);
    std::size_t padding = 0;
    if ((*header & 0x40) != 0) {
        for (std::uint8_t byte = 255; byte == 255;) {
            const auto next = in.u8();
            if (!next) return Failure(Error::malformed);
            byte = *next;
            padding += byte == 255 ? 254U : byte;
        }
    }
    if (padding > in.remaining()) return Failure(Error::malformed);
    std::size_t left = in.remaining() - padding;
    if ((*header & 0x80) == 0) {  // constant size
        if (left % count != 0 || left / count > max_frame_bytes) return Failure(Error::malformed);
        return count;
    }
    for (std::uint32_t i = 0; i + 1 < count; ++i) {
        const std::size_t before = in.remaining();
        const auto length = take_length(in);
        if (!length) return Failure(length.error());
        const std::size_t used = before - in.remaining() + *length;
        if (used > left || *length > max_frame_bytes) return Failure(Error::malformed);
        left -= used;
    }
    if (left > max_frame_bytes) return Failure(Error::malformed);
    return count;
}

}  // namespace

Result<OpusPayload> parse_opus(Bytes payload) {
    ByteReader in(payload);
    const auto toc = in.u8();
    if (!toc) return Failure(Error::truncated);
    std::uint32_t count = 1;
    switch (*toc & 3) {
        case 0:
            if (in.remaining() > max_frame_bytes) return Failure(Error::malformed);
            break;
        case 1:
            if (in.remaining() % 2 != 0 || in.remaining() / 2 > max_frame_bytes) return Failure(Error::malformed);
            count = 2;
            break;
        case 2: {
            const auto checked = check_two_frames(in);
            if (!checked) return Failure(checked.error());
            count = 2;
            break;
        }
        default: {
            const auto counted = check_many_frames(in);
            if (!counted) return Failure(counted.error());
            count = *counted;
        }
    }
    const std::uint32_t frames = frame_samples(*toc >> 3) * count;
    if (frames > max_frames) return Failure(Error::too_large);
    return OpusPayload{.packet = payload, .stereo = (*toc & 4) != 0, .frames = frames};
}

}  // namespace sotto::transport
